"""Do the pixels of two pictures agree, once one is laid on its place in the other?

The place (left, right, top, bottom) is refined by Gauss-Newton steps on the difference of the pixels (Lucas and Kanade
1981, https://www.ri.cmu.edu/pub_files/pub3/lucas_bruce_d_1981_2/lucas_bruce_d_1981_2.pdf; with a gain and an offset
for the lighting), first on blurred pictures, then on sharper ones. Judged is the correlation of local contrast: light,
shadow and the large shapes, which different pictures of one kind share, are divided out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from segue.data.doctor.likeness import SIDE
from segue.data.doctor.proposing import Candidate

AGREE = 0.55  # correlation from which two pictures are one; the measurement is in benchmarks/planted_duplicates.md
FEWEST = 10  # pictures from which on what they all share is told from what is in each
_COARSE, _GRID, _JUDGED = SIDE // 2, 32, 48  # sides in pixels: of the pictures that are aligned, of samples of them
_RIM = 3  # samples left out along each edge: there local contrast knows one side only, which pulls parts astray
_LEVELS = ((2.0, 4.0, 6), (0.7, 2.0, 5))  # blur, extent of local contrast (of the 48 pixels), steps
_PLACES = ((np.arange(_GRID) + 0.5) / _GRID).astype(np.float32)[_RIM:-_RIM]  # of the samples, 0 to 1
_FLAT = 1.0  # grey levels: contrast below this counts less, for it is noise
_CLIP = 2.5
_SMALLEST = 0.4  # share of a side: places smaller than this are on no good way
_FURTHEST = 0.05  # of the side, in one step

Pictures = Float32[np.ndarray, "pictures height width"]
Samples = Float32[np.ndarray, "pictures rows columns"]
Boxes = Float32[np.ndarray, "pictures 4"]
Shares = Float32[np.ndarray, " pictures"]


@dataclass(frozen=True)
class Match:
    """How far the pixels agree (-1 to 1), and where in the first picture the second lies, 0 to 1 of its sides."""

    agreement: float
    box: tuple[float, float, float, float]


def local_contrast(pictures: NDArray[np.float32], extent: float) -> NDArray[np.float32]:
    """Each pixel's deviation from its surroundings (Gaussian of `extent` pixels) in units of theirs, clipped."""
    blur = (0, extent, extent)
    detail = pictures - gaussian_filter(pictures, blur)
    spread = np.sqrt(gaussian_filter(detail**2, blur))
    return np.asarray(np.clip(detail / (spread + np.float32(_FLAT)), -_CLIP, _CLIP))


def evidence(pictures: NDArray[np.uint8]) -> Float32[np.ndarray, "side side"]:
    """How much agreement at each place says (0 to 1): nothing where all pictures of a set look the same.

    Such is the edge of the round field of view of a microscope or a fundus camera. With fewer than `FEWEST` pictures
    it cannot be told, and everything counts.
    """
    if len(pictures) < FEWEST:
        return np.ones(pictures.shape[1:], np.float32)
    total, square = np.zeros(pictures.shape[1:]), np.zeros(pictures.shape[1:])
    for start in range(0, len(pictures), 64):
        contrast = local_contrast(pictures[start : start + 64].astype(np.float32), 4.0)
        total, square = total + contrast.sum(axis=0), square + (contrast**2).sum(axis=0)
    shared = total**2 / len(pictures) / np.maximum(square, 1e-6)
    return np.clip(1 - 4 * shared, 0, 1).astype(np.float32)


def match(
    pictures: NDArray[np.uint8], candidates: Sequence[Candidate], weight: Float32[np.ndarray, "side side"]
) -> list[Match]:
    """Lay the second picture of each candidate on the first, from the place proposed, and compare."""
    if not candidates:
        return []
    whole = pictures[[one.whole for one in candidates]].astype(np.float32)
    part = pictures[[one.part for one in candidates]].astype(np.float32)
    mirrored = np.array([one.mirrored for one in candidates])
    part[mirrored] = part[mirrored][:, :, ::-1]
    small, small_part = (one.reshape(-1, _COARSE, 2, _COARSE, 2).mean(axis=(2, 4)) for one in (whole, part))
    proposed = boxes = np.stack([one.box for one in candidates]).astype(np.float32)
    for level in _LEVELS:
        boxes = _aligned(small, small_part, boxes, level)
    before, agreement = (_agreement(whole, part, some, weight) for some in (proposed, boxes))
    worse = before > agreement  # where nearly nothing is to be seen, the steps may lead away
    boxes[worse], agreement[worse] = proposed[worse], before[worse]
    return [
        Match(float(value), (float(box[0]), float(box[1]), float(box[2]), float(box[3])))
        for value, box in zip(agreement, boxes, strict=True)
    ]


def _aligned(whole: Pictures, part: Pictures, boxes: Boxes, level: tuple[float, float, int]) -> Boxes:
    """The boxes after some steps, each the best on its way."""
    blur, extent, steps = level
    target, model = (
        gaussian_filter(local_contrast(one, reach), (0, soft, soft))
        for one, reach, soft in ((whole, extent, blur), (part, extent / 0.8, blur / 0.8))
    )  # a part shows its scene larger, 1 / 0.8 times on average
    every = _areas(np.array([[0, 1]], np.float32), _COARSE, _GRID)
    model = (every @ model @ every.transpose(0, 2, 1))[:, _RIM:-_RIM, _RIM:-_RIM]
    best, fit = boxes.copy(), np.full(len(boxes), -1, np.float32)
    for _ in range(steps + 1):
        shown, down, right = _sampled(target, boxes)
        now = _correlation(shown, model, np.ones_like(model))
        better = now > fit
        best[better], fit[better] = boxes[better], now[better]
        boxes = np.clip(boxes + _step(shown, down, right, model), -0.03, 1.03)
        lost = (boxes[:, 1::2] - boxes[:, ::2]).min(axis=1) < _SMALLEST
        boxes[lost] = best[lost]
    return best


def _sampled(pictures: Pictures, boxes: Boxes) -> tuple[Samples, Samples, Samples]:
    """The content of boxes, and how it changes down and to the right, for each whole side."""
    (across, across_slope), (along, along_slope) = (_tents(boxes[:, side]) for side in (slice(0, 2), slice(2, 4)))
    columns = pictures @ across.transpose(0, 2, 1)
    right = along @ (pictures @ across_slope.transpose(0, 2, 1)) * _COARSE
    return along @ columns, along_slope @ columns * _COARSE, right


def _step(shown: Samples, down: Samples, right: Samples, model: Samples) -> Boxes:
    """One Gauss-Newton step of the four sides: least squares of model = gain * shown + offset + slopes * change."""
    far, near = _PLACES, 1 - _PLACES
    terms = [right * near, right * far, down * near[:, None], down * far[:, None], shown, np.ones_like(shown)]
    slopes = np.stack(terms, axis=-1).reshape(len(shown), -1, 6)
    normal = slopes.transpose(0, 2, 1) @ slopes
    damping = np.einsum("nii->ni", normal).copy()
    damping[:, :4] = damping[:, :4].mean(axis=1, keepdims=True)
    normal += (1e-2 * damping + 1e-6)[:, :, None] * np.eye(6, dtype=np.float32)
    solved = np.linalg.solve(normal, slopes.transpose(0, 2, 1) @ model.reshape(len(model), -1, 1))[:, :, 0]
    change = solved[:, :4] / np.maximum(solved[:, 4:5], 0.3)
    return np.asarray(np.clip(change, -_FURTHEST, _FURTHEST), np.float32)


def _agreement(whole: Pictures, part: Pictures, boxes: Boxes, weight: NDArray[np.float32]) -> Shares:
    along, across = (_areas(boxes[:, side], SIDE, _JUDGED) for side in (slice(2, 4), slice(0, 2)))
    every = _areas(np.array([[0, 1]], np.float32), SIDE, _JUDGED)
    first = along @ whole @ across.transpose(0, 2, 1)
    second = every @ part @ every.transpose(0, 2, 1)
    counts = along @ weight @ across.transpose(0, 2, 1)
    return _correlation(local_contrast(first, 2.0), local_contrast(second, 2.0), counts)


def _correlation(first: Samples, second: Samples, weight: Samples) -> Shares:
    """Weighted correlation of pixels, for each pair."""
    total = np.maximum(weight.sum(axis=(1, 2), keepdims=True), 1e-6)
    a, b = (one - (one * weight).sum(axis=(1, 2), keepdims=True) / total for one in (first, second))
    first_norm, second_norm = (np.sqrt((weight * one * one).sum(axis=(1, 2))) for one in (a, b))
    return np.asarray((weight * a * b).sum(axis=(1, 2)) / (first_norm * second_norm + 1e-6), np.float32)


def _tents(spans: Float32[np.ndarray, "pictures 2"]) -> tuple[Pictures, Pictures]:
    """Matrices that sample a side of `_COARSE` pixels at `_PLACES` of a span, linearly, and their slopes."""
    places = spans[:, :1] + (spans[:, 1:] - spans[:, :1]) * _PLACES
    apart = (places * _COARSE - 0.5)[:, :, None] - np.arange(_COARSE, dtype=np.float32)
    weights = np.maximum(0, 1 - np.abs(apart))
    return weights, -np.sign(apart) * (weights > 0)


def _areas(spans: Float32[np.ndarray, "pictures 2"], size: int, count: int) -> Float32[np.ndarray, "pictures to from"]:
    """Matrices that average a side of `size` pixels over `count` equal parts of a span."""
    edges = spans[:, :1] + (spans[:, 1:] - spans[:, :1]) * (np.arange(count + 1, dtype=np.float32) / count)
    covered = np.clip((edges * size)[:, :, None] - np.arange(size, dtype=np.float32), 0, 1)
    weights = np.diff(covered, axis=1)
    return np.asarray(weights / np.maximum(weights.sum(axis=2, keepdims=True), 1e-6), np.float32)
