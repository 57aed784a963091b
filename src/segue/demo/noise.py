"""Textures: three tileable noise pictures, made once, from which every surface of a scene takes its grain."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
SIDE = 256  # a power of two, so that "modulo the side" is one bitwise and


def floats(values: object) -> Floats:
    """Numbers, such as a colour, as an array."""
    return np.asarray(values, dtype=np.float32)


@cache
def tile(roughness: str) -> Floats:
    """A `SIDE` x `SIDE` noise picture with values about 0 and a deviation of 1; `cloud`, `rough` or `grain`."""
    falloff, key = {"cloud": (1.7, 1), "rough": (1.0, 2), "grain": (0.25, 3)}[roughness]
    white = np.random.Generator(np.random.Philox(key=key)).standard_normal((SIDE, SIDE))
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None, :])
    frequency[0, 0] = 1.0
    spectrum = np.fft.rfft2(white) / frequency**falloff
    spectrum[0, 0] = 0.0
    noise = np.fft.irfft2(spectrum, s=(SIDE, SIDE))
    return np.asarray(noise / noise.std(), dtype=np.float32)


def sample(roughness: str, down: Floats, across: Floats, offset: tuple[int, int] = (0, 0)) -> Floats:
    """The noise at real coordinates (in cells of the tile, wrapping around); the two arrays broadcast."""
    rows = (down.astype(np.int32) + offset[0]) & (SIDE - 1)
    columns = (across.astype(np.int32) + offset[1]) & (SIDE - 1)
    return np.asarray(tile(roughness).ravel()[rows * SIDE + columns])


def smooth(value: Floats, low: float, high: float) -> Floats:
    """The smooth step from 0 at `low` to 1 at `high`."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), dtype=np.float32)
