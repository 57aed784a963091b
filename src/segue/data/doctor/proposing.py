"""Which pictures may show the same scene, by a short description of each whole picture and of 225 parts of it.

A part is described by the lowest 7 x 7 coefficients of its cosine transform, divided by their norm, so that brightness
and contrast cancel. Parts are all combinations of 15 intervals along each side (100 to 60 % of it, in steps of a
tenth), and since the transform is separable one product of matrices describes them all. A mirrored picture has the
same coefficients with the odd ones negated. No network is needed: the right picture is among the first few, and
`matching` decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from segue.data.doctor.likeness import SIDE
from segue.data.parallel import in_order

ORDER = 7  # coefficients along each side
NEAREST = 12  # candidates for each picture
LEAST = 0.5  # correlation of descriptions below which a picture is no candidate; measured: of copies 0.55 to 1
SHARES = (1.0, 0.9, 0.8, 0.7, 0.6)
STEP = 0.1
_QUERIES, _BLOCK = 1024, 16  # pictures compared at a time with the parts of so many others: 60 MB for each thread

_FREQUENCY = np.arange(ORDER)
_WEIGHT = np.hypot(_FREQUENCY[:, None], _FREQUENCY).astype(np.float32)  # pictures have less of what is fine
_MIRROR = np.tile((-1.0) ** _FREQUENCY, (ORDER, 1)).astype(np.float32).reshape(-1)


@dataclass(frozen=True)
class Candidate:
    """The picture `part` may be a part of `whole`, at about `box` (left, right, top, bottom, 0 to 1 of `whole`)."""

    whole: int
    part: int
    mirrored: bool
    box: Float32[np.ndarray, " 4"]


class Parts:
    """Describes pictures by their parts."""

    def __init__(self, shares: tuple[float, ...] = SHARES) -> None:
        spans = []
        for share in shares:
            count = round((1 - share) / STEP) + 1
            spans += [(start, start + share) for start in np.linspace(0, 1 - share, count)]
        self.spans = np.array(spans, np.float32)
        self._basis = np.concatenate([_cosines(start, end) for start, end in spans])

    def describe(self, pictures: NDArray[np.uint8]) -> Float32[np.ndarray, "pictures parts numbers"]:
        """Descriptions of all parts; part 0 is the whole, part i has rows `spans[i // n]`, columns `spans[i % n]`."""
        count, size = len(self.spans), len(pictures)
        waves = self._basis @ pictures.astype(np.float32) @ self._basis.T
        parts = waves.reshape(size, count, ORDER, count, ORDER).transpose(0, 1, 3, 2, 4) * _WEIGHT
        found = parts.reshape(size, count * count, ORDER * ORDER)
        norms = np.maximum(np.linalg.norm(found, axis=2, keepdims=True), np.float32(1e-6))
        return np.asarray(found / norms, np.float32)

    def box(self, part: int) -> Float32[np.ndarray, " 4"]:
        """Left, right, top and bottom of a part."""
        row, column = divmod(part, len(self.spans))
        return np.concatenate([self.spans[column], self.spans[row]])


def _cosines(start: float, end: float) -> Float32[np.ndarray, "order side"]:
    fine = 8  # samples of a pixel
    places = ((np.arange(SIDE * fine) + 0.5) / (SIDE * fine) - start) / (end - start)
    inside = (places >= 0) & (places < 1)
    waves = np.cos(np.pi * _FREQUENCY[:, None] * places) * inside / (end - start)
    scaled = waves.reshape(ORDER, SIDE, fine).mean(axis=2) / SIDE * np.where(_FREQUENCY, np.sqrt(2), 1)[:, None]
    return np.asarray(scaled, np.float32)


def candidates(
    pictures: NDArray[np.uint8], *, parts: bool = True, least: float = LEAST
) -> Iterator[tuple[float, list[Candidate]]]:
    """For a few pictures at a time: the share of pictures that is done, and whose parts they may be.

    Args:
        pictures: `(number, SIDE, SIDE)`.
        parts: compare with parts of the others, not only with the whole of them (225 times the work).
        least: correlation that makes a candidate.
    """
    described = Parts(SHARES if parts else SHARES[:1])
    wholes = np.concatenate([Parts(SHARES[:1]).describe(some)[:, 0] for some in _cut(pictures, 256)])
    for first in range(0, len(pictures), _QUERIES):
        queries = wholes[first : first + _QUERIES]
        seen = np.stack([queries, queries * _MIRROR])
        scores = _scores(described, pictures, seen)
        scores[:, np.arange(len(queries)), first + np.arange(len(queries))] = -1  # not of itself
        best = scores.max(axis=0)
        nearest = np.argsort(-best, axis=1, kind="stable")[:, :NEAREST]
        for number, others in enumerate(nearest):
            found = [
                _candidate(described, pictures, seen[:, number], first + number, other, scores[:, number, other])
                for other in others[best[number, others] >= least].tolist()
            ]
            yield (first + number + 1) / len(pictures), found


def _cut(pictures: NDArray[np.uint8], size: int) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, len(pictures), size):
        yield pictures[start : start + size]


def _scores(described: Parts, pictures: NDArray[np.uint8], seen: NDArray[np.float32]) -> NDArray[np.float32]:
    """The best correlation of each query, as it is and mirrored, with any part of each picture."""

    def column(some: NDArray[np.uint8]) -> NDArray[np.float32]:
        of_parts = described.describe(some)
        every = seen @ of_parts.reshape(-1, ORDER * ORDER).T
        return np.asarray(every.reshape(*seen.shape[:2], len(some), -1).max(axis=3))

    return np.concatenate(list(in_order(column, _cut(pictures, _BLOCK))), axis=2)


def _candidate(
    described: Parts,
    pictures: NDArray[np.uint8],
    seen: NDArray[np.float32],
    part: int,
    whole: int,
    scores: NDArray[np.float32],
) -> Candidate:
    mirrored = bool(scores[1] > scores[0])
    fit = described.describe(pictures[whole : whole + 1])[0] @ seen[int(mirrored)]
    return Candidate(whole, part, mirrored, described.box(int(fit.argmax())))
