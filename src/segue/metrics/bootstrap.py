"""How far a mean IoU could move with other images: the percentile bootstrap (Efron 1979), clustered where needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from segue.metrics.confusion import ratio

MIN_GROUPS = 5  # below this many clusters their resampling says nothing about the spread
CHUNK_BYTES = 64 * 2**20  # draws are worked off in pieces of this size, so 255 classes fit in memory too


@dataclass(frozen=True)
class Interval:
    """A 95 % interval of the mean IoU.

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
        return Interval(float("nan"), float("nan"), unit, n)
    random = np.random.Generator(np.random.Philox(key=seed))
    draws = random.multinomial(n, np.full(n, 1 / n), size=resamples)
    values = _mious(draws, units)
    values = values[~np.isnan(values)]
    if not values.size:
        return Interval(float("nan"), float("nan"), unit, n)
    low, high = np.quantile(values, [(1 - coverage) / 2, (1 + coverage) / 2])
    return Interval(float(low), float(high), unit, n)


def _units(
    matrices: Integer[np.ndarray, "images classes classes"], groups: Sequence[str]
) -> tuple[Integer[np.ndarray, "units classes classes"], str]:
    keys = [group or f"\0{i}" for i, group in enumerate(groups)]
    names, owner = np.unique(keys, return_inverse=True) if keys else (np.empty(0), np.empty(0, np.int64))
    if not MIN_GROUPS <= len(names) < len(matrices):
        return matrices, "images"
    sums = np.zeros((len(names), *matrices.shape[1:]), np.int64)
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
