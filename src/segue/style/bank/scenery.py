"""Forms that several styles draw: ranges of hills one behind the other, and balls in the light."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from segue.style.bank.plane import Plane, Size, grid, noise, smoothstep


def hills(
    size: Size, heights: Sequence[float], rough: float, rng: np.random.Generator, cells: float = 3.0
) -> tuple[Int[np.ndarray, "height width"], Float[np.ndarray, "ranges height width"]]:
    """How many ranges lie over each pixel (0 is sky), and how far each pixel is below the ridge of each.

    `heights` are the places of the ridges from the top, as shares of the height, far ones first; `rough` is how far
    they go up and down. The second result is in shares of the long side, negative above the ridge.
    """
    down, _ = grid(size)
    tall = size[0] / max(size)
    below = [down - place * tall - rough * noise((1, size[1]), cells, rng, octaves=3) for place in heights]
    depth = np.stack(below).astype(np.float32)
    count = np.zeros(size, np.int32)
    for number, one in enumerate(depth, 1):
        count[one > 0] = number
    return count, depth


def ball(
    tone: Plane, place: tuple[float, float, float], rough: Plane
) -> tuple[Plane, Bool[np.ndarray, "height width"], Plane]:
    """A ball and its shadow in a picture of tones, lit from above on the left: tones, where it is, the way round it.

    `place` is its middle, down and across, and its radius, in shares of the long side; `rough` is added to its tones.
    The way round is a direction in radians, from across to down.
    """
    down, across = grid(tone.shape)
    row, column, radius = place
    y, x = (down - row) / radius, (across - column) / radius
    away = np.hypot(y, x)
    shadow = smoothstep(1.25, 0.7, np.hypot((y - 0.75) * 2.4, x - 0.7))
    height = np.sqrt(np.clip(1 - away * away, 0, 1))
    shaded = np.clip(0.12 + 0.95 * (height * 0.6 - y * 0.5 - x * 0.6) + rough, 0.02, 1)
    found = np.where(away < 1, shaded, tone * (1 - 0.75 * shadow))
    return np.asarray(found, np.float32), away < 1, np.asarray(np.arctan2(x, -y), np.float32)
