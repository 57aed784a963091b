"""A threshold with a guarantee: conformal risk control (Angelopoulos et al. 2022, https://arxiv.org/abs/2208.02814).

Lower the threshold on a class's probability and less of the class is missed. On labelled images that the network did
not learn from, this finds the highest threshold at which *new* images of the same kind lose at most a chosen share on
average. It holds for any network and any number of images; a poor network pays with more pixels to look at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64, Integer

from segue.errors import DataError

STEPS = 500


def thresholds() -> Float32[np.ndarray, " steps"]:
    """The thresholds that are tried, from 0 to 1, finer towards 0, where those of rare classes lie."""
    return ((np.arange(STEPS + 1) / STEPS) ** 2).astype(np.float32)


def steps_reached(probabilities: Float32[np.ndarray, "*space"]) -> Int64[np.ndarray, "*space"]:
    """For each probability the highest of `thresholds` it reaches: the last i with probability >= thresholds()[i]."""
    grid = np.append(thresholds(), np.float32(np.inf))
    near = np.clip((np.sqrt(probabilities) * STEPS).astype(np.int64), 0, STEPS)  # off by one where rounding is unlucky
    near -= probabilities < grid[near]
    return np.asarray(near + (probabilities >= grid[near + 1]))


def missed_share(reached: Integer[np.ndarray, "*stack steps"]) -> Float64[np.ndarray, "*stack steps"]:
    """From how many pixels reach just each step, the share that lies below each of the `thresholds`; rises from 0."""
    below = np.cumsum(reached, axis=-1) - reached
    return np.asarray(below / np.maximum(1, reached.sum(axis=-1, keepdims=True)), np.float64)


def images_needed(risk: float, bound: float = 1.0) -> int:
    """How many images (or groups) it takes at least for a guarantee of `risk`: n >= bound / risk - 1."""
    return max(1, math.ceil(round(bound / risk - 1, 9)))


def control(losses: Float[np.ndarray, "units steps"], risk: float, *, bound: float = 1.0, unit: str = "images") -> int:
    """The last step at which the mean loss of a new image is guaranteed to be at most `risk`.

    That is the last one with (sum of the losses + bound) / (n + 1) <= risk. The guarantee is on average: over the
    images drawn for calibration and over new ones, if both are drawn alike (exchangeable).

    Args:
        losses: loss of each image, or group of images, at each step; between 0 and `bound`, and nowhere falling.
        risk: what the mean loss has to stay under.
        bound: the largest loss there is.
        unit: what the rows are, for the message.

    Raises:
        DataError: not attainable: there are too few rows, or every step loses too much. (The authors' published
            function returns its first value then, and also where no step loses too much.)
    """
    count = len(losses)
    if (np.diff(losses, axis=1) < 0).any() or losses.min(initial=0) < 0 or losses.max(initial=0) > bound:
        raise DataError(f"expected losses between 0 and {bound:g} that never fall from step to step, got others")
    if count < images_needed(risk, bound):
        raise DataError(
            f"a risk of {risk:g} is not attainable: expected at least {images_needed(risk, bound)} {unit}, got {count}"
        )
    kept = losses.sum(axis=0) + bound <= risk * (count + 1) + 1e-9
    if not kept[0]:
        least = float(losses.mean(axis=0)[0])
        raise DataError(f"a risk of {risk:g} is not attainable: {count} {unit} lose {least:.3f} at best")
    return int(np.flatnonzero(kept)[-1])


def by_group(losses: Float[np.ndarray, "images steps"], groups: Sequence[str]) -> Float64[np.ndarray, "groups steps"]:
    """The mean loss of each group's images: one row a group, since the images of one are not independent."""
    names, owner = np.unique(np.array(groups, dtype=np.str_), return_inverse=True)
    sums = np.zeros((len(names), losses.shape[1]))
    np.add.at(sums, owner, losses)
    return sums / np.bincount(owner, minlength=len(names))[:, None]
