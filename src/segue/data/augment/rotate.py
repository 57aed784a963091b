"""Rotation by a random angle."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", float, NDArray[np.float32])


def random_angle(most: float, generator: np.random.Generator) -> float:
    """An angle in radians, uniform within `most` degrees to either side; 0 draws no number."""
    return math.radians(generator.uniform(-most, most)) if most else 0.0


def rotate(x: Number, y: Number, angle: float) -> tuple[Number, Number]:
    """Turn points about the origin by `angle` (radians), from the x axis (right) towards the y axis (down)."""
    cosine, sine = math.cos(angle), math.sin(angle)
    return cosine * x - sine * y, sine * x + cosine * y


def extent(window: tuple[float, float], angle: float) -> tuple[float, float]:
    """Height and width of the smallest upright rectangle around a window (height, width) turned by `angle`."""
    cosine, sine = abs(math.cos(angle)), abs(math.sin(angle))
    return cosine * window[0] + sine * window[1], sine * window[0] + cosine * window[1]
