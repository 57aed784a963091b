"""How far the middle of many pictures' scores could move with other contents and other styles.

Pairs that share a content, or a style, resemble each other; drawing pairs one by one would take them for independent
and make intervals too narrow. So contents and styles are both drawn with replacement, and a pair counts as often as
both its parts were drawn: the pigeonhole bootstrap (Owen 2007, https://doi.org/10.1214/07-AOAS122), which is rather too
wide than too narrow. Percentiles are taken a little further out, as in `segue.metrics.bootstrap`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64

from segue.metrics.bootstrap import tails
from segue.metrics.units import FEW, draws

RESAMPLES = 2000


@dataclass(frozen=True)
class Middle:
    """A median or a mean of `count` scores and its 95 % interval; all NaN where nothing is known of them."""

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Draws:
    """How often each pair counts in each draw, the same for every score and method, and in how few units they differ.

    `caution` says in a sentence why intervals are not to be trusted; empty where nothing is wrong.
    """

    counts: Float[np.ndarray, "draws pairs"]
    units: int
    caution: str


def pigeonhole(contents: Sequence[str], styles: Sequence[str], seed: int, resamples: int = RESAMPLES) -> Draws:
    """Draw contents and styles, given those of each pair. Of a single one, only the other is drawn."""
    counts, sizes = np.ones((resamples, len(contents))), []
    for number, names in enumerate((contents, styles)):
        kinds, owner = np.unique(list(names), return_inverse=True)
        if len(kinds) > 1:
            drawn = np.concatenate(list(draws(len(kinds), resamples, 2 * seed + number, len(kinds))))
            counts = counts * drawn[:, owner]
            sizes.append(len(kinds))
    units = min(sizes, default=1)
    return Draws(counts, units, _caution(len(set(contents)), len(set(styles))))


def middle(values: Float[np.ndarray, " pairs"], drawn: Draws, summary: str = "median") -> Middle:
    """The median, the mean or the largest of the values that are numbers; the largest has no interval.

    Nor has what is known of a few pairs only, whose contents and styles are fewer than those that were drawn.
    """
    known = np.isfinite(values)
    kept, count = values[known], int(known.sum())
    if not count:
        return Middle(math.nan, math.nan, math.nan, 0)
    if summary == "largest":
        return Middle(float(kept.max()), math.nan, math.nan, count)
    of = _means if summary == "mean" else _medians
    value = float(of(kept, np.ones((1, count)))[0])
    weights = drawn.counts[:, known]
    weights = weights[weights.sum(axis=1) > 0]
    if drawn.units < 2 or count < 2 or not len(weights) or count < min(FEW, len(values)):
        return Middle(value, math.nan, math.nan, count)
    low, high = np.quantile(of(kept, weights), tails(0.95, drawn.units))
    return Middle(value, float(low), float(high), count)


def _means(values: Float[np.ndarray, " pairs"], weights: Float[np.ndarray, "draws pairs"]) -> np.ndarray:
    return np.asarray(weights @ values / weights.sum(axis=1))


def _medians(values: Float[np.ndarray, " pairs"], weights: Float[np.ndarray, "draws pairs"]) -> np.ndarray:
    """Of each draw the median of the values, each there as often as its weight says; between two, their mean."""
    order = np.argsort(values, kind="stable")
    ordered, below = values[order], np.cumsum(weights[:, order], axis=1)
    half = below[:, -1:] / 2
    first = _place(below >= half)
    second = _place(below > half)
    return np.asarray((ordered[first] + ordered[second]) / 2)


def _place(reached: np.ndarray) -> Int64[np.ndarray, " draws"]:
    return np.asarray(reached.argmax(axis=1), np.int64)


def _caution(contents: int, styles: int) -> str:
    few = [f"{count} {name}" for count, name in ((contents, "contents"), (styles, "styles")) if count < FEW]
    if not few:
        return ""
    return f"{' and '.join(few)} are too few for an interval to be trusted, {FEW} or more of both are wanted"
