"""Gaussian blur of a random width."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

LEAST, MOST = 0.5, 2.0  # standard deviation of the filter, in pixels of the crop
CUT_OFF = 3  # standard deviations past which a weight is taken for 0

Array = NDArray[np.float32]


def blur(image: Array, inside: NDArray[np.bool_], generator: np.random.Generator) -> Array:
    """Smooth with a Gaussian whose standard deviation is drawn from 0.5 to 2 pixels.

    A mean over the pixels `inside` alone: neither padding nor what lies over the border of the crop takes part.
    """
    return smoothed(image, inside, float(generator.uniform(LEAST, MOST)))


def smoothed(image: Array, inside: NDArray[np.bool_], sigma: float) -> Array:
    """The Gaussian mean of the pixels `inside`, cut off at three standard deviations; 0 outside."""
    offsets = np.arange(math.ceil(CUT_OFF * sigma) + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2).astype(np.float32)
    shown = inside[..., None].astype(np.float32)
    total = np.concatenate([image * shown, shown], axis=2)
    total = _along_rows(_along_rows(total, weights).swapaxes(0, 1), weights).swapaxes(0, 1)
    mean = total[..., :-1] * shown / np.maximum(total[..., -1:], 1e-6)
    return np.minimum(mean, 255, dtype=np.float32)  # rounding takes a mean of the brightest pixels above them


def _along_rows(values: Array, weights: Array) -> Array:
    """Weighted sums down the first axis, `weights` being those of the distances 0, 1, 2, ..."""
    total: Array = values * weights[0]
    for distance in range(1, min(len(weights), len(values))):
        part = values * weights[distance]
        total[distance:] += part[:-distance]
        total[:-distance] += part[distance:]
    return total
