"""Pictures made of dots: pointillism and printed halftone."""

from __future__ import annotations

import numpy as np

from segue.style.bank.plane import (
    Picture,
    Plane,
    Size,
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
from segue.style.bank.scenery import hills

MEADOW = colours("f7e08a c9d45c 7fb24a 3f8f5a 2a6a6f")
FAR = colours("8fa6d6 6d86c4 7c6fb8 a58cc4")
AIR = colours("7fb6e6 b9d9ef fbe9c4 f9c9a0")
WATER = colours("2c5ea8 4f8fd0 9fc7e8 f4d9b0")
POP = colours("f6e9c9 ef3b2d 1f6fd0 ffd21f 33b2a6 f59bb6")


def pointillism(size: Size, rng: np.random.Generator) -> Picture:
    """Thousands of small dots of pure colour, in the manner of pointillism: a bright river landscape."""
    down, across = grid(size)
    tall = size[0] / max(size)
    ridges, depth = hills(size, (0.34, 0.46, 0.7), 0.06, rng)
    wave = 0.15 * noise(size, 5, rng, octaves=3)
    design = ramp(np.clip(down / tall / 0.45 + wave, 0, 1), AIR)
    sun = np.hypot(down - 0.16 * tall, across - 0.72 * size[1] / max(size))
    design = mixed(design, colours("fffbe0")[0], np.exp(-((sun / 0.09) ** 2)))
    for number, stops in enumerate((FAR, WATER, MEADOW)):
        tone = np.clip(3.2 * depth[number] + 0.25 + wave, 0, 1)
        if number == 1:
            tone = np.clip(0.5 + 0.35 * np.sin(down * 90 + 3 * noise(size, 6, rng)) + wave, 0, 1)
        design = np.where((ridges > number)[..., None], ramp(tone, stops), design)
    bushes = smoothstep(0.3, 0.8, noise(size, 7, rng, octaves=2)) * (ridges > 2)
    design = mixed(
        design, ramp(np.clip(0.5 + 0.3 * noise(size, 14, rng), 0, 1), colours("1d4a3a 35603a d96a4a")), bushes
    )
    picture = mixed(design, colours("f3ead2")[0], np.full(size, 0.35, np.float32))
    for cell, radius, stray in ((0.02, 0.66, 0.06), (0.0145, 0.62, 0.1), (0.0105, 0.48, 0.15)):
        picture = _dotted(picture, design, cell, radius, stray, rng)
    return clipped(picture)


def _dotted(
    picture: Picture, design: Picture, cell: float, radius: float, stray: float, rng: np.random.Generator
) -> Picture:
    """One layer of dots on a shaken lattice: each has the design's colour at its middle, strayed to purer ones."""
    size = picture.shape[:2]
    side = max(size)
    down, across = (plane / cell for plane in grid(size))
    rows, columns = (int(np.ceil(count / side / cell)) + 2 for count in size)
    shake = rng.uniform(0.1, 0.9, (2, rows, columns)).astype(np.float32)
    reach = (radius * rng.uniform(0.7, 1.1, (rows, columns))).astype(np.float32)
    order = rng.random((rows, columns)).astype(np.float32)
    middle = [
        np.clip((index - 1 + shake[axis]) * cell * side, 0, size[axis] - 1).astype(int)
        for axis, index in enumerate(np.mgrid[:rows, :columns])
    ]
    paint = design[middle[0], middle[1]]
    paint = paint + 0.22 * (paint - paint.mean(-1, keepdims=True))  # pure colours, as from the tube
    paint = (paint + rng.normal(0, stray, paint.shape)).astype(np.float32)
    best = np.zeros(size, np.float32)
    found = picture.copy()
    for row_step in (-1, 0, 1):
        for column_step in (-1, 0, 1):
            row, column = np.floor(down).astype(int) + 1 + row_step, np.floor(across).astype(int) + 1 + column_step
            row, column = row.clip(0, rows - 1), column.clip(0, columns - 1)
            distance = np.hypot(down - (row - 1 + shake[0][row, column]), across - (column - 1 + shake[1][row, column]))
            soft = np.clip((reach[row, column] - distance) * cell * side + 0.5, 0, 1)
            above = (soft > 0.02) & (order[row, column] > best)
            tint = paint[row, column] * (1.06 - 0.18 * distance[..., None] / radius)
            found = np.where(above[..., None], mixed(found, tint, soft), found)
            best = np.where(above, order[row, column], best)
    return found


def halftone(size: Size, rng: np.random.Generator) -> Picture:
    """Pop art as printed in comics: flat primary colours, rows of dots, thick black outlines."""
    down, across = grid(size)
    shape = noise(size, 2.6, rng, octaves=2, gain=0.35)
    burst_row, burst_column = 0.4 * size[0] / max(size), 0.55 * size[1] / max(size)
    distance = np.hypot(down - burst_row, across - burst_column)
    turn = np.arctan2(down - burst_row, across - burst_column)
    spikes = 0.2 + 0.07 * np.abs((turn * 9 / np.pi) % 2 - 1) * 2 + 0.01 * noise(size, 3, rng)
    rays = (np.floor(turn * 12 / np.pi) % 2).astype(int)
    region = np.digitize(shape, [-0.9, -0.1, 0.7])
    inks = np.array([[2, 4], [0, 3], [1, 5], [3, 0]])
    picture = POP[np.where(distance < 0.42 + 0.06 * shape, np.array([3, 1])[rays], inks[region, 0])]
    picture = picture.astype(np.float32)
    tone = np.clip(0.5 + 0.35 * np.sin(3 * shape + 5 * down) + 0.25 * noise(size, 4, rng), 0, 1)
    outer = distance >= 0.42 + 0.06 * shape
    picture = mixed(picture, POP[inks[region, 1]], _screen(size, 0.019, 45, tone) * outer)
    picture = mixed(picture, POP[0], _screen(size, 0.013, 20, np.clip(distance * 2.2 - 0.25, 0, 1)) * (~outer))
    inside = smoothstep(0, 0.004, spikes - distance)
    picture = mixed(picture, POP[0], inside)
    picture = mixed(picture, POP[1], _screen(size, 0.016, 75, np.clip(1.3 - distance / 0.17, 0, 1)) * inside)
    ink = line(distance - spikes, 0.016, size)
    ink = np.maximum(ink, line(distance - 0.42 - 0.06 * shape, 0.01, size))
    steep = np.hypot(*np.gradient(shape)) * max(size) + 1e-3
    for level in (-0.9, -0.1, 0.7):
        swell = 0.008 * (1.2 + 0.8 * np.sin(9 * across + 7 * down))
        ink = np.maximum(ink, line((shape - level) / steep, swell, size) * outer)
    picture = mixed(picture, colours("14110f")[0], ink)
    return clipped(multiplied(picture, 0.97 + 0.02 * grain(size, rng, 1 / 300)))


def _screen(size: Size, cell: float, degrees: float, tone: Plane) -> Plane:
    """Round dots on a turned lattice; `tone` is how much of a cell they fill."""
    down, across = grid(size)
    turn = np.deg2rad(degrees)
    first, second = (
        (across * np.cos(turn) + down * np.sin(turn)) / cell,
        (down * np.cos(turn) - across * np.sin(turn)) / cell,
    )
    distance = np.hypot(first % 1 - 0.5, second % 1 - 0.5)
    return clipped((np.sqrt(tone) * 0.55 - distance) * cell * max(size) + 0.5)
