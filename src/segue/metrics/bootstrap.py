"""How far a score could move with other images: the percentile bootstrap (Efron 1979), clustered where needed.

Percentiles are taken a little further out than 95 %, by the factor Student's t has over the normal distribution: plain
ones are too narrow in small samples (Hesterberg 2015, https://doi.org/10.1080/00031305.2015.1089789).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr, stdtrit

from segue.metrics.units import Units, draws


@dataclass(frozen=True)
class Interval:
    """A 95 % interval of a score.

    `unit` is what was drawn with replacement, "images" or "groups"; `units` is how many there were. With fewer than two
    units nothing can be said: `low` and `high` are NaN. `caution` is empty, or why the interval is not to be trusted.
    """

    low: float
    high: float
    unit: str
    units: int
    caution: str = ""


def score_intervals(
    evidence: Float[np.ndarray, "images classes parts"],
    scores: Callable[[Float[np.ndarray, "draws classes parts"]], Float[np.ndarray, "draws scores"]],
    units: Units,
    *,
    resamples: int = 1000,
    seed: int = 0,
    coverage: float = 0.95,
) -> list[Interval]:
    """Intervals of all the `scores` that sums of `evidence` over images give, in their order.

    A draw in which a score is undefined (none of its images has the class) is left out of the interval of that score.
    """
    if units.count < 2:
        return [undefined(units)] * scores(evidence.sum(axis=0, keepdims=True)).shape[1]
    flat = units.sums(evidence).reshape(units.count, -1)
    sums = (draw @ flat for draw in draws(units.count, resamples, seed, numbers=flat.shape[1]))
    values = np.concatenate([scores(part.reshape(-1, *evidence.shape[1:])) for part in sums])
    return [_percentiles(column, coverage, units) for column in values.T]


def undefined(units: Units) -> Interval:
    """No interval, and why."""
    return Interval(float("nan"), float("nan"), units.kind, units.count, units.caution)


def tails(coverage: float, units: int) -> tuple[float, float]:
    """Which quantiles of the draws are the ends of an interval."""
    low = ndtr(np.sqrt(units / (units - 1)) * stdtrit(units - 1, (1 - coverage) / 2))
    return float(low), float(1 - low)


def _percentiles(values: Float[np.ndarray, " draws"], coverage: float, units: Units) -> Interval:
    """The interval over the draws in which the score is defined."""
    values = values[~np.isnan(values)]
    if not values.size:
        return undefined(units)
    low, high = np.quantile(values, tails(coverage, units.count))
    return Interval(float(low), float(high), units.kind, units.count, units.caution)
