"""Near duplicates: the same picture encoded again, resized, relit, mirrored, or a part of it.

`proposing` names a few candidates for each picture, `matching` compares their pixels. Not found are turned pictures,
parts of less than 60 % of a side, and pictures that overlap without one lying within the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from segue.data.doctor.likeness import SIDE, Likeness
from segue.data.doctor.matching import AGREE, evidence, match
from segue.data.doctor.proposing import LEAST, Candidate, candidates
from segue.data.parallel import Update, in_order, silent

MOST = 4000  # pictures of which parts are compared as well: the work grows with the square of their number
WHOLE = 0.97  # share of a side from which on nothing is said to be cut off
LEAST_OF_WHOLES = 0.9  # correlation of descriptions that makes a candidate where whole pictures alone are compared
_BATCH = 64  # candidates matched at a time


@dataclass(frozen=True)
class Near:
    """Picture number `second` shows what `first` does, or a part of it: `width` and `height` are shares of `first`."""

    first: int
    second: int
    agreement: float
    width: float
    height: float
    mirrored: bool

    @property
    def kind(self) -> str:
        """What was done to the picture, in words."""
        cut = self.width < WHOLE or self.height < WHOLE
        done = [f"cropped to {self.width:.0%} x {self.height:.0%}"] if cut else []
        done = ["mirrored", *done] if self.mirrored else done
        return " and ".join(done) or "encoded, resized or lit differently"


def find_near(likes: Sequence[Likeness], update: Update = silent) -> list[Near]:
    """All pairs of pictures that are near duplicates, each once, in the order of the pictures.

    With more than `MOST` pictures whole ones alone are compared. Time and rates: benchmarks/planted_duplicates.md.
    """
    if len(likes) < 2:
        return []
    pictures = np.frombuffer(b"".join(likes), np.uint8).reshape(-1, SIDE, SIDE)
    weight, found = evidence(pictures), dict[tuple[int, int], Near]()
    every = len(likes) <= MOST
    proposed = _batches(candidates(pictures, parts=every, least=LEAST if every else LEAST_OF_WHOLES))
    blas = ThreadpoolController()

    def compared(batch: tuple[float, list[Candidate]]) -> tuple[float, list[Near]]:
        with blas.limit(limits=1, user_api="blas"):  # some libraries keep a limit for each thread
            return batch[0], _alike(pictures, batch[1], weight)

    with blas.limit(limits=1, user_api="blas"):  # its threads would wait for ours, and ours for its
        for share, near in in_order(compared, proposed):
            for one in near:
                pair = min(one.first, one.second), max(one.first, one.second)
                if pair not in found or found[pair].agreement < one.agreement:
                    found[pair] = one
            update(share, f"{round(share * len(likes))} of {len(likes)} images compared, {len(found)} alike")
    return [found[pair] for pair in sorted(found)]


def _batches(proposed: Iterator[tuple[float, list[Candidate]]]) -> Iterator[tuple[float, list[Candidate]]]:
    """About `_BATCH` candidates at a time, and the share of pictures that is done with them."""
    waiting: list[Candidate] = []
    for share, some in proposed:
        waiting += some
        if len(waiting) >= _BATCH or share >= 1:
            yield share, waiting
            waiting = []


def _alike(pictures: NDArray[np.uint8], proposed: Sequence[Candidate], weight: NDArray[np.float32]) -> list[Near]:
    """Those candidates whose pixels agree."""
    alike = []
    for one, fit in zip(proposed, match(pictures, proposed, weight), strict=True):
        left, right, top, bottom = fit.box
        if fit.agreement >= AGREE:
            width, height = min(1.0, right - left), min(1.0, bottom - top)
            alike.append(Near(one.whole, one.part, fit.agreement, width, height, one.mirrored))
    return alike
