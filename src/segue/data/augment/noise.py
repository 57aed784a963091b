"""Gaussian noise of a random strength, drawn for every pixel and channel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST = 20.0  # standard deviation on the 0-255 scale


def noise(image: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.float32]:
    """Add normal numbers whose standard deviation is drawn from 0 to 20 (of 255); the sum is clipped to 0-255."""
    deviation = np.float32(generator.uniform(0, MOST))
    grain = generator.standard_normal(image.shape, dtype=np.float32)
    grain *= deviation
    grain += image
    return np.clip(grain, 0, 255, out=grain)
