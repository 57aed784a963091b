"""Oil paint: thick strokes along a flow."""

from __future__ import annotations

import numpy as np

from segue.style.bank.brush import Brush, painted
from segue.style.bank.plane import (
    Picture,
    Size,
    along_contours,
    colours,
    grid,
    mixed,
    noise,
    ramp,
    smoothstep,
)

NIGHT = colours("050b2c 0d1f5c 1c3f94 2f66b5 5b9bc9 1f6f78 123a6b")
GLOW = colours("fff4c2 ffd84a f2a31b b9c46a")
FOREST = colours("24180f 3d2a17 2f3d22 5a4a1f 3a2b3a")
LEAVES = colours("7a1f12 b5341a d9601e e98f24 f2b733 f6d46b 93772b")
SKY = colours("6f8fa6 a7bcc4 d8d3bd")


def night_swirl(size: Size, rng: np.random.Generator) -> Picture:
    """Swirling thick strokes of a night sky, deep blue with glowing yellow stars."""
    down, across = grid(size)
    flow = 0.8 * noise(size, 2.2, rng, octaves=2, gain=0.4)
    tone = 0.5 + 0.2 * noise(size, 4, rng, octaves=3)
    glow, warmth = np.zeros(size, np.float32), np.zeros(size, np.float32)
    for number in range(11):
        # places that keep off each other without asking: the golden ratio's steps, and a little chance
        row = (0.08 + number / 11 + 0.05 * rng.random()) % 1 * size[0] / max(size)
        column = (number * 0.618 + 0.1 * rng.random()) % 1 * size[1] / max(size)
        radius = rng.uniform(0.05, 0.12)
        distance = np.hypot(down - row, across - column)
        flow += rng.choice([-1, 1]) * 4 * np.exp(-((distance / (1.5 * radius)) ** 2))
        rings = 0.55 + 0.45 * np.cos(distance / radius * 9)
        glow = np.maximum(glow, np.exp(-((distance / radius) ** 2)) * (0.55 + 0.45 * rings))
        glow = np.maximum(glow, (distance < 0.3 * radius).astype(np.float32))
        tone += 0.25 * rings * np.exp(-distance / (1.3 * radius))
        warmth = np.maximum(warmth, np.exp(-((distance / radius) ** 2)))
    sky = ramp(np.clip(tone + 0.12 * np.sin(3 * flow), 0, 1), NIGHT)
    light = ramp(np.clip(1.1 - 1.2 * warmth + 0.1 * noise(size, 20, rng), 0, 1), GLOW)
    design = mixed(sky, light, smoothstep(0.2, 0.7, glow))
    brushes = (
        Brush(0.11, 0.022, 3, jitter=0.05),
        Brush(0.07, 0.012, 2.5, jitter=0.08, streak=0.08),
        Brush(0.045, 0.007, 0.9, jitter=0.13, streak=0.1),
    )
    return painted(design, along_contours(flow), brushes, rng, light=0.75)


def autumn_dabs(size: Size, rng: np.random.Generator) -> Picture:
    """Short thick dabs of oil in autumn colours: red, orange and gold leaves over dark branches."""
    down, across = grid(size)
    crowns = noise(size, 3.5, rng, octaves=4, gain=0.6)
    ground = ramp(np.clip(0.5 + 0.3 * noise(size, 5, rng, octaves=3), 0, 1), FOREST)
    air = ramp(np.clip(0.5 + 0.3 * noise(size, 3, rng, octaves=2), 0, 1), SKY)
    open_sky = smoothstep(0.5, 1.3, noise(size, 3, rng, octaves=2) + 0.9 - 1.5 * down)
    design = mixed(ground, air, open_sky)
    trunks = np.zeros(size, np.float32)
    for place in np.linspace(0.06, 0.94, 6):
        bent = (
            place
            + 0.05 * rng.standard_normal()
            + 0.03 * np.sin(3 * down + 6 * rng.random())
            + 0.1 * (rng.random() - 0.5) * down
        )
        trunks = np.maximum(trunks, smoothstep(1, 0.6, np.abs(across - bent) / (0.008 + 0.012 * down)))
    design = mixed(design, colours("1c120c")[0], trunks)
    upright = np.full(size, np.pi / 2, np.float32) + 0.3 * noise(size, 4, rng)
    picture = painted(design, upright, (Brush(0.07, 0.02, 3, jitter=0.04), Brush(0.05, 0.01, 1)), rng, light=0.4)
    leaves = ramp(np.clip(0.5 + 0.26 * noise(size, 5, rng, octaves=3, gain=0.7) + 0.1 * crowns, 0, 1), LEAVES)
    falling = noise(size, 3, rng)
    thick = mixed(picture, leaves, smoothstep(-1.1, -0.2, crowns + 0.5 * noise(size, 12, rng)))
    dabs = (
        Brush(0.06, 0.028, 2, jitter=0.05, stray=0.5, streak=0.04),
        Brush(0.042, 0.02, 1.1, jitter=0.08, stray=0.7, streak=0.05),
        Brush(0.026, 0.013, 0.35, jitter=0.13, stray=0.9, streak=0.05),
    )
    return painted(thick, falling, dabs, rng, light=0.6)
