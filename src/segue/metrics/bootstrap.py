"""How far a score could move with other images: the percentile bootstrap (Efron 1979), clustered where needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from segue.metrics.confusion import ratio

MIN_GROUPS = 5  # below this many clusters their resampling says nothing about the spread
CHUNK_BYTES = 64 * 2**20  # draws are worked off in pieces of this size, so 255 classes fit in memory too


@dataclass(frozen=True)
class Interval:
    """A 95 % interval of a score.

    `unit` is what was drawn with replacement, "images" or "groups"; `units` is how many there were. With fewer than two
    units nothing can be said: `low` and `high` are NaN.
    """

    low: float
    high: float
    unit: str
    units: int


def miou_interval(
    matrices: Integer[np.ndarray, "images classes classes"],
    groups: Sequence[str] = (),
    *,
    resamples: int = 1000,
    seed: int = 0,
    coverage: float = 0.95,
) -> Interval:
    """Interval of the mean IoU from one confusion matrix per image.

    Images of one group (the frames of a video, the slices of a patient) resemble each other, so drawing them one by one
    makes the interval too narrow. Whole groups are drawn where there are fewer groups than images and at least
    `MIN_GROUPS`; an empty group name stands for an image of its own.
    """
    units, unit = _units(matrices, groups)
    n = len(units)
    if n < 2:
        return _undefined(unit, n)
    values = _mious(_draws(n, resamples, seed), units)
    return _percentiles(values, coverage, unit, n)


def score_intervals(
    evidence: Float[np.ndarray, "images classes parts"],
    scores: Callable[[Float[np.ndarray, "draws classes parts"]], Float[np.ndarray, "draws scores"]],
    groups: Sequence[str] = (),
    *,
    resamples: int = 1000,
    seed: int = 0,
    coverage: float = 0.95,
) -> list[Interval]:
    """Intervals of all the `scores` that sums of `evidence` over images give, in their order; drawn as for the mIoU.

    A draw in which a score is undefined (none of its images has the class) is left out of the interval of that score.
    """
    units, unit = _units(evidence, groups)
    n = len(units)
    if n < 2:
        return [_undefined(unit, n)] * scores(evidence.sum(axis=0, keepdims=True)).shape[1]
    flat = units.reshape(n, -1)
    rows = max(1, CHUNK_BYTES // (8 * flat.shape[1]))
    draws = _draws(n, resamples, seed).astype(np.float64)
    sums = [draws[i : i + rows] @ flat for i in range(0, len(draws), rows)]
    values = np.concatenate([scores(part.reshape(-1, *evidence.shape[1:])) for part in sums])
    return [_percentiles(column, coverage, unit, n) for column in values.T]


def _draws(n: int, resamples: int, seed: int) -> Integer[np.ndarray, "resamples units"]:
    """How often each of `n` units is drawn in each resample."""
    random = np.random.Generator(np.random.Philox(key=seed))
    return random.multinomial(n, np.full(n, 1 / n), size=resamples)


def _percentiles(values: Float[np.ndarray, " draws"], coverage: float, unit: str, units: int) -> Interval:
    """The interval over the draws in which the score is defined."""
    values = values[~np.isnan(values)]
    if not values.size:
        return _undefined(unit, units)
    low, high = np.quantile(values, [(1 - coverage) / 2, (1 + coverage) / 2])
    return Interval(float(low), float(high), unit, units)


def _undefined(unit: str, units: int) -> Interval:
    return Interval(float("nan"), float("nan"), unit, units)


def _units(matrices: np.ndarray, groups: Sequence[str]) -> tuple[np.ndarray, str]:
    """What is drawn: one array for each image or, summed, for each group."""
    keys = [group or f"\0{i}" for i, group in enumerate(groups)]
    names, owner = np.unique(keys, return_inverse=True) if keys else (np.empty(0), np.empty(0, np.int64))
    if not MIN_GROUPS <= len(names) < len(matrices):
        return matrices, "images"
    sums = np.zeros((len(names), *matrices.shape[1:]), matrices.dtype)
    np.add.at(sums, owner, matrices)
    return sums, "groups"


def _mious(
    draws: Integer[np.ndarray, "resamples units"], units: Integer[np.ndarray, "units classes classes"]
) -> Float[np.ndarray, " resamples"]:
    """Mean IoU of every draw: one matrix product each for hits and union, which is all that the IoU needs."""
    hits = np.diagonal(units, axis1=1, axis2=2).astype(np.float64)
    union = units.sum(axis=1) + units.sum(axis=2) - hits
    rows = max(1, CHUNK_BYTES // (8 * hits.shape[1]))
    parts = [draws[i : i + rows].astype(np.float64) for i in range(0, len(draws), rows)]
    return np.concatenate([_row_means(ratio(part @ hits, part @ union)) for part in parts])


def _row_means(iou: Float[np.ndarray, "resamples classes"]) -> Float[np.ndarray, " resamples"]:
    present = ~np.isnan(iou)
    return ratio(np.nansum(iou, axis=1), present.sum(axis=1))
