"""Pictures made of lines: pen and ink, and the woodcut."""

from __future__ import annotations

import numpy as np

from segue.style.bank.plane import (
    Picture,
    Plane,
    Size,
    blurred,
    clipped,
    colours,
    grain,
    grid,
    line,
    mixed,
    multiplied,
    noise,
    ramp,
    smoothstep,
)
from segue.style.bank.scenery import ball, hills

PAPER = colours("e9dcc0 f4ead2 fbf4e3")
SEPIA = colours("2b1a10")[0]


def ink_hatching(size: Size, rng: np.random.Generator) -> Picture:
    """A pen drawing in sepia ink: tone from layers of crossed hatching on cream paper."""
    tall = size[0] / max(size)
    place, depth = hills(size, (0.42, 0.56, 0.74), 0.07, rng)
    tone = 0.86 - 0.3 * smoothstep(0.15, 0.9, noise(size, 3, rng, octaves=3))  # clouds
    slope = np.full(size, 0.1, np.float32)
    for number, one in enumerate(depth):
        folds = noise(size, 4 + 2 * number, rng, octaves=3, gain=0.6)
        light = np.clip(0.62 + 0.32 * folds - 1.1 * one, 0.04, 0.97)
        here = place > number
        tone, slope = np.where(here, light, tone), np.where(here, 0.35 * number - 0.6 + 0.35 * folds, slope)
    for _ in range(5):  # boulders: spheres with their shadows
        radius = rng.uniform(0.05, 0.11)
        row, column = rng.uniform(0.62, 0.95) * tall, rng.random() * size[1] / max(size)
        tone, inside, around = ball(np.asarray(tone, np.float32), (row, column, radius), 0.1 * noise(size, 20, rng))
        slope = np.where(inside, around * 0.5, slope)
    ink = np.zeros(size, np.float32)
    for turn, spacing, level in ((0.2, 0.0105, 0.92), (1.25, 0.0115, 0.66), (2.2, 0.0095, 0.44), (0.75, 0.008, 0.26)):
        ink = np.maximum(ink, _hatched(slope, turn, spacing, (level - tone) / level, rng))
    jump = np.hypot(*np.gradient(blurred(tone, 0.0012))) * max(size) / 512
    ink = np.maximum(ink, smoothstep(0.05, 0.11, jump) * (0.75 + 0.25 * noise(size, 30, rng)).clip(0, 1))
    paper = ramp(np.clip(0.6 + 0.25 * noise(size, 4, rng, octaves=4) + 0.08 * grain(size, rng), 0, 1), PAPER)
    stain = smoothstep(0.8, 1.8, noise(size, 3, rng, octaves=2))
    paper = multiplied(paper, 1 - 0.08 * stain)
    return clipped(mixed(paper, SEPIA, (ink * (0.86 + 0.07 * noise(size, 90, rng))).clip(0, 1)))


def _hatched(slope: Plane, turn: float, spacing: float, dark: Plane, rng: np.random.Generator) -> Plane:
    """Strokes of a pen at a slant that goes with `slope`; they swell with `dark` and stop where it is nothing."""
    size = slope.shape
    down, across = grid(size)
    shaken = 0.3 * spacing * noise(size, 14, rng, octaves=2)
    # slants in steps: a hand draws a patch of parallel strokes and turns the paper for the next
    slant = turn + 0.35 * np.round(slope / 0.35 + 0.25 * noise(size, 5, rng))
    place = (down * np.cos(slant) - across * np.sin(slant) + shaken) / spacing
    stroke = np.floor(place)
    lift = np.sin(stroke * 12.9898) * 0.5 + noise(size, 9, rng)
    width = spacing * (0.12 + 0.55 * np.clip(dark, 0, 1) + 0.03 * noise(size, 60, rng)) * (dark + 0.06 * lift > 0.03)
    return clipped(line((place - stroke - 0.5) * spacing, width.astype(np.float32), size) * (width > 0))


def woodcut(size: Size, rng: np.random.Generator) -> Picture:
    """A woodcut in black, cream and vermilion: bold carved lines, a red sun over hills and furrows."""
    down, across = grid(size)
    tall, wide = (count / max(size) for count in size)
    row, column, radius = 0.27 * tall, 0.63 * wide, 0.13
    distance = np.hypot(down - row, across - column)
    turn = np.arctan2(down - row, across - column) + 0.03 * noise(size, 7, rng)
    place, depth = hills(size, (0.46, 0.57, 0.71, 0.86), 0.05, rng)
    rough = 0.05 * noise(size, 40, rng, octaves=2)
    rays = np.floor(6 * np.clip(distance / 0.1, 1, 8) ** 0.5) * 8
    across_ray = (turn * rays / (2 * np.pi)) % 1
    taper = 0.45 - 0.24 * smoothstep(0.15, 0.75, distance) + 0.12 * noise(size, 5, rng)
    carved = np.abs(across_ray - 0.5) * 2 < taper * 2 * (0.8 + rough)
    carved &= distance > radius * 1.12
    for number, one in enumerate(depth):
        spacing = 0.011 + 0.0035 * number
        warped = one + 0.012 * noise(size, 5 + 2 * number, rng, octaves=2) + 0.25 * (number % 2) * (across - column)
        furrow = (warped / spacing) % 1
        shade = np.clip(0.2 + 3.2 * one + 0.24 * noise(size, 6, rng, octaves=2), 0.0, 0.92)
        lines = np.abs(furrow - 0.5) * 2 > shade + rough
        flecks = np.sin((across + 0.6 * one) * 260 / (1 + number) + 4 * noise(size, 12, rng)) > 0.88
        cut = (lines & (one > 0.008 + 0.004 * noise(size, 20, rng))) ^ (flecks & (one > 0.03))
        carved = np.where(place > number, cut, carved)
    bare = blurred(carved.astype(np.float32), 0.0012)
    bare = smoothstep(0.38, 0.62, bare)
    wood = np.sin(620 * (down + 0.02 * noise(size, 1.5, rng) + 0.0016 * noise(size, 10, rng)))  # the block's grain
    inked = (0.9 + 0.05 * wood + 0.04 * grain(size, rng, 1 / 350)).clip(0, 1)
    paper = ramp(np.clip(0.5 + 0.2 * noise(size, 8, rng, octaves=3), 0, 1), PAPER)
    sky = mixed(paper, colours("f0c48a")[0], smoothstep(0.75, 0.1, distance) * (place == 0) * 0.75)
    near = smoothstep(0.0, 0.2, depth[2]) * (place > 1)
    sky = mixed(sky, colours("8fb0a2")[0], 0.6 * near)
    sun = smoothstep(radius + 0.002, radius - 0.002, distance + 0.003 * noise(size, 15, rng)) * (place == 0)
    picture = mixed(sky, colours("121013")[0], ((1 - bare) * inked * (1 - sun)).clip(0, 1))
    red = mixed(np.broadcast_to(colours("cf3a22")[0], picture.shape), paper, (0.1 + 0.08 * wood).clip(0, 1))
    picture = mixed(picture, red, sun * (0.93 + 0.03 * wood).clip(0, 1))
    return clipped(multiplied(picture, 1 + 0.015 * grain(size, rng)))
