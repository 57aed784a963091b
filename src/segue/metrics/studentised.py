"""How far a mean IoU, or a difference of two, could move with other images: the studentised bootstrap.

Each draw estimates its own standard error, and the interval is as many standard errors wide as 95 % of the draws needed
(Hall 1988, https://doi.org/10.1214/aos/1176350933, the symmetric interval). It is never narrower than Student's t makes
it. On real predictions it holds the true value more often than percentiles or BCa (`benchmarks/coverage.md`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer
from scipy.special import expit, logit, stdtrit

from segue.metrics.bootstrap import Interval, undefined
from segue.metrics.confusion import ratio
from segue.metrics.units import Units, draws

Draws = Float[np.ndarray, "draws units"]
STILL = 1e-9  # a standard error below this is rounding: all units agree


@dataclass(frozen=True)
class Overlap:
    """Pixels of each class that each unit adds to intersection and union of truth and prediction."""

    hits: Float[np.ndarray, "units classes"]
    union: Float[np.ndarray, "units classes"]


@dataclass(frozen=True)
class Estimate:
    """A score of every draw, NaN where it is undefined, and how much one more copy of each unit would change it."""

    value: Float[np.ndarray, " draws"]
    influence: Draws


Score = Callable[[Draws], Estimate]


def overlap(matrices: Integer[np.ndarray, "units classes classes"]) -> Overlap:
    """From one confusion matrix per unit."""
    hits = np.diagonal(matrices, axis1=1, axis2=2).astype(np.float64)
    return Overlap(hits, matrices.sum(axis=1) + matrices.sum(axis=2) - hits)


def mean_iou(parts: Overlap) -> Score:
    """The mean over the classes that have an IoU in the draw."""

    def score(draw: Draws) -> Estimate:
        hits, union = draw @ parts.hits, draw @ parts.union
        iou, present = np.nan_to_num(ratio(hits, union)), union > 0
        share = ratio(present.astype(np.float64), np.broadcast_to(present.sum(axis=1, keepdims=True), union.shape))
        weight = np.nan_to_num(ratio(share, union))
        return Estimate((share * iou).sum(axis=1), weight @ parts.hits.T - (weight * iou) @ parts.union.T)

    return score


def class_iou(parts: Overlap, number: int) -> Score:
    """The IoU of one class."""

    def score(draw: Draws) -> Estimate:
        union = draw @ parts.union[:, number]
        iou = ratio(draw @ parts.hits[:, number], union)
        change = parts.hits[:, number] - iou[:, None] * parts.union[:, number]
        return Estimate(iou, ratio(change, np.broadcast_to(union[:, None], change.shape)))

    return score


def gain(first: Score, second: Score) -> Score:
    """How much more the second score is in the same draws."""

    def score(draw: Draws) -> Estimate:
        one, other = first(draw), second(draw)
        return Estimate(other.value - one.value, other.influence - one.influence)

    return score


def miou_interval(
    matrices: Integer[np.ndarray, "images classes classes"],
    units: Units,
    *,
    resamples: int = 1000,
    seed: int = 0,
    coverage: float = 0.95,
) -> Interval:
    """Interval of the mean IoU from one confusion matrix per image; its ends lie in 0 to 1."""
    score = mean_iou(overlap(units.sums(matrices)))
    return intervals([score], units, resamples=resamples, seed=seed, coverage=coverage, is_share=True)[0]


def intervals(
    scores: Sequence[Score],
    units: Units,
    *,
    resamples: int = 1000,
    seed: int = 0,
    coverage: float = 0.95,
    is_share: bool = False,
) -> list[Interval]:
    """The interval of every score, all from the same draws.

    `is_share` says that scores lie in 0 to 1: their logits are studentised. Differences lie in -1 to 1 and are cut
    there. Draws in which a score is undefined or all units agree do not count for it.
    """
    if units.count < 2:
        return [undefined(units)] * len(scores)
    seen = [_errors(score, np.ones((1, units.count)), is_share) for score in scores]
    drawn = [
        [_errors(score, draw, is_share) for score in scores]
        for draw in draws(units.count, resamples, seed, numbers=units.count)
    ]
    return [
        _interval(one, np.concatenate([part[i] for part in drawn], axis=1), units, coverage, is_share)
        for i, one in enumerate(seen)
    ]


def standard_error(estimate: Estimate, draw: Draws) -> Float[np.ndarray, " draws"]:
    """Of the score of every draw (the infinitesimal jackknife); of a plain mean that is std / sqrt(n), n - 1 inside."""
    units = draw.shape[1]
    return np.asarray(np.sqrt((draw * estimate.influence**2).sum(axis=1) * units / (units - 1)))


def _errors(score: Score, draw: Draws, is_share: bool) -> Float[np.ndarray, "2 draws"]:
    """Values and their standard errors, as logits where they are shares."""
    estimate = score(draw)
    error = standard_error(estimate, draw)
    error[~(error > STILL)] = np.nan
    if not is_share:
        return np.stack([estimate.value, error])
    inside = (estimate.value > 0) & (estimate.value < 1)
    slope = ratio(np.ones_like(error), np.where(inside, estimate.value * (1 - estimate.value), 0.0))
    return np.stack([logit(estimate.value), error * slope])


def _interval(
    seen: Float[np.ndarray, "2 1"], drawn: Float[np.ndarray, "2 draws"], units: Units, coverage: float, is_share: bool
) -> Interval:
    value, error = seen[0, 0], seen[1, 0]
    if np.isnan(value):
        return undefined(units)
    low = high = value
    if not np.isnan(error):
        distance = np.abs(drawn[0] - value) / drawn[1]
        distance = distance[np.isfinite(distance)]
        least = stdtrit(units.count - 1, (1 + coverage) / 2)
        width = error * max(np.quantile(distance, coverage) if distance.size else 0.0, least)
        low, high = value - width, value + width
    low, high = (expit(low), expit(high)) if is_share else (max(low, -1.0), min(high, 1.0))
    return Interval(float(low), float(high), units.kind, units.count, units.caution)
