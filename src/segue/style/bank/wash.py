"""Watercolour: transparent washes with dark rims, blooms and grains, one over the other on rough paper."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from segue.style.bank.plane import (
    Picture,
    Plane,
    Size,
    clipped,
    colours,
    grain,
    grid,
    lit,
    noise,
    ramp,
    smoothstep,
)

PIGMENTS = colours("2a6fb0 3fa7c4 5fb58a e08a3c d2455e 7a4fa0 f0c23c 1d3f7a c2708f 2f8f86")


def watercolour(size: Size, rng: np.random.Generator) -> Picture:
    """Watercolour: loose transparent washes that run into each other, with dark rims, blooms and splashes."""
    down, across = grid(size)
    tooth = grain(size, rng, 1 / 260) * 0.6 + 0.4 * noise(size, 110, rng)
    light = np.zeros((*size, 3), np.float32)  # how much of each colour is swallowed
    for number in range(18):
        shape = noise(size, rng.uniform(1.6, 4.5), rng, octaves=4, gain=0.45)
        middle = (rng.random(2) * np.array(size) / max(size)).tolist()  # as plain numbers, which leave float32 as it is
        reach = rng.uniform(0.16, 0.45)
        far = np.hypot(down - middle[0], (across - middle[1]) * rng.uniform(0.6, 1.3)) / reach
        inside = 0.85 - far + 0.42 * shape
        pigment = PIGMENTS[(number * 3 + int(rng.integers(2))) % len(PIGMENTS)]
        light += _wash(inside.astype(np.float32), pigment, rng.uniform(0.22, 0.6), tooth, rng)
    for _ in range(70):
        _splash(light, rng)
    paper = ramp(np.clip(0.6 + 0.2 * noise(size, 3, rng), 0, 1), colours("f6f1e4 fdfbf4"))
    picture = paper * np.exp(-0.72 * light)
    return clipped(lit(picture.astype(np.float32), 0.6 * tooth, 0.15))


def _splash(light: Picture, rng: np.random.Generator) -> None:
    """One drop off a full brush, with a dark rim, added to what is swallowed."""
    size = light.shape[:2]
    middle, radius = rng.random(2) * np.array(size) / max(size), 0.012 * rng.random() ** 3 + 0.0015
    pigment = PIGMENTS[rng.integers(len(PIGMENTS))] * 0.9 + 0.08
    first = np.maximum(0, (middle - 1.3 * radius) * max(size)).astype(int)
    last = ((middle + 1.3 * radius) * max(size)).astype(int) + 2
    window = light[first[0] : last[0], first[1] : last[1]]
    down, across = np.ogrid[first[0] : first[0] + window.shape[0], first[1] : first[1] + window.shape[1]]
    away = np.hypot((down + 0.5) / max(size) - middle[0], (across + 0.5) / max(size) - middle[1])
    drop = smoothstep(radius * 1.15, radius * 0.85, away)
    rim = smoothstep(0.3, 0.6, drop) * smoothstep(1.0, 0.6, drop)
    window += (0.5 * drop + 0.5 * rim)[..., None] * -np.log(pigment)


def _wash(
    inside: Plane, pigment: Float[np.ndarray, "3"], strength: float, tooth: Plane, rng: np.random.Generator
) -> Picture:
    """What one wash swallows of the light: thin in the middle, dark where it dried at the rim, coarse in the grain."""
    size = inside.shape
    wet = rng.random() < 0.4
    cover = smoothstep(0, 0.5 if wet else 0.035, inside)
    rim = np.exp(-np.clip(inside, 0, None) / 0.035) * cover * (0.0 if wet else 1.0)
    bloom = noise(size, 4, rng, octaves=4, gain=0.6)
    back = np.exp(-((bloom / 0.09) ** 2)) * smoothstep(0.1, 0.4, inside)  # where water ran back into it
    load = cover * (0.6 + 0.25 * bloom + 0.09 * tooth) + 0.85 * rim * (1 + 0.3 * tooth) + 0.22 * back * cover
    amount = strength * np.clip(load, 0, None)
    return np.asarray(amount[..., None] * -np.log(pigment * 0.92 + 0.05), np.float32)
