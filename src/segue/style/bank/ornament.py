"""Ornament: art-deco fans and a patchwork quilt."""

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
    lit,
    mixed,
    multiplied,
    noise,
    ramp,
    smoothstep,
)

LACQUER = colours("0c1420 0f2f3a 123f3c 2a1020 161633")
GOLD = colours("5f3f12 9a6b1f c99a3a ecc96f fff0b8")
CLOTH = colours("f2e6d0 c94f3d 274c77 6096ba e9b44c 4f772d 90a955 7f4f63 d98a6a 2f3e46 a3c4bc e07a8b")


def deco_fans(size: Size, rng: np.random.Generator) -> Picture:
    """Art-deco fans: overlapping shells of gold lines on dark lacquer, in rows."""
    down, across = grid(size)
    radius = 0.15
    distance, turn, fan = _fans(size, radius)
    ground = ramp(_of(fan, 5) / 4, LACQUER)
    ground = mixed(ground, ramp((_of(fan, 5) / 4 + 0.25) % 1, LACQUER), smoothstep(0.5, 1.0, distance / radius))
    ground = multiplied(ground, 1 + 0.25 * noise(size, 6, rng, octaves=3) + 0.9 * np.exp(-distance / radius * 3))
    gold = np.zeros(size, np.float32)
    for place, width in (
        (0.975, 0.011),
        (0.9, 0.004),
        (0.78, 0.0065),
        (0.7, 0.003),
        (0.42, 0.007),
        (0.36, 0.003),
        (0.2, 0.01),
    ):
        gold = np.maximum(gold, line(distance - place * radius, width, size))
    spoke = np.abs((turn / np.pi * 12) % 1 - 0.5) / 12 * np.pi * distance
    gold = np.maximum(gold, line(spoke, 0.0032, size) * (distance < 0.7 * radius) * (distance > 0.42 * radius))
    wedge = np.abs((turn / np.pi * 12 + 0.5) % 1 - 0.5) < 0.19 + 0.2 * _of(fan, 3) * 0.5
    outer = (distance > 0.78 * radius) & (distance < 0.9 * radius)
    gold = np.maximum(gold, 0.85 * (wedge & outer))
    dots = np.hypot(((turn / np.pi * 14) % 1 - 0.5) / 14 * np.pi * 0.55 * radius, distance - 0.555 * radius)
    dotted = line(dots, 0.011, size) * (_of(fan, 2) > 0)
    gold = np.maximum(gold, dotted)
    gold = np.maximum(gold, (distance < 0.12 * radius).astype(np.float32))
    sheen = 0.5 + 0.3 * np.sin(9 * across - 12 * down + 2 * turn) + 0.13 * noise(size, 40, rng, octaves=2)
    metal = ramp(np.clip(sheen, 0, 1), GOLD)
    worn = (0.55 + 0.45 * smoothstep(-1.6, -0.7, noise(size, 50, rng, octaves=2))) * gold
    shadow = smoothstep(0.0, 0.2, 1 - distance / radius)  # each shell lies over the one above
    picture = multiplied(ground, 0.45 + 0.55 * shadow)
    picture = mixed(picture, metal, worn)
    picture = lit(picture, 2.4 * gold + 0.12 * grain(size, rng), 0.6)
    return clipped(picture)


def _fans(size: Size, radius: float) -> tuple[Plane, Plane, np.ndarray]:
    """Discs in staggered rows, lower ones over upper ones: distance from the middle, angle, number of the disc."""
    down, across = grid(size)
    distance, turn = np.full(size, radius, np.float32), np.zeros(size, np.float32)
    fan = np.zeros(size, np.int32)
    for row in range(int(1 / (radius / 2)) + 4):
        middle, shift = row * radius / 2, radius * (row % 2)
        column = np.round((across - shift) / (2 * radius))
        y, x = down - middle, across - shift - column * 2 * radius
        away = np.hypot(y, x)
        inside = away < radius
        distance, turn = np.where(inside, away, distance), np.where(inside, np.arctan2(-y, x) % (2 * np.pi), turn)
        fan = np.where(inside, row * 31 + column.astype(np.int32) + 7, fan)
    return distance, turn, fan


def _of(number: np.ndarray, count: int) -> Plane:
    """A whole number below `count` that goes with another, without order one could see."""
    return ((number.astype(np.int64) * 2654435761 >> 7) % count).astype(np.float32)


def pixel_quilt(size: Size, rng: np.random.Generator) -> Picture:
    """A patchwork quilt: squares and triangles of printed cotton with stitches, puffed between the seams."""
    down, across = grid(size)
    cell = 0.0835
    row, column = np.floor(down / cell).astype(int), np.floor(across / cell).astype(int)
    y, x = down / cell - row - 0.5, across / cell - column - 0.5
    rows, columns = row.max() + 1, column.max() + 1
    kinds = rng.integers(4, size=(rows, columns))[row, column]
    first = rng.integers(len(CLOTH), size=(rows, columns))[row, column]
    second = (first + rng.integers(1, len(CLOTH), size=(rows, columns))[row, column]) % len(CLOTH)
    block = ((row // 3 + column // 3) % 2 == 0) & (kinds < 3)
    diagonal = np.where((row + column) % 2 == 0, x + y, x - y)
    lozenge = np.abs(x) + np.abs(y) - 0.36
    border = np.where(block, diagonal / np.sqrt(2), np.where(kinds == 3, lozenge / np.sqrt(2), 9.0))
    cloth = np.where(border > 0, first, second)
    picture = _printed(cloth, (down, across), rng)
    seam = np.minimum(np.minimum(0.5 - np.abs(x), 0.5 - np.abs(y)), np.abs(border)) * cell
    puff = np.sqrt(np.clip(seam / 0.022, 0, 1))
    weave = np.sin(across * 1400) * np.sin(down * 1400)
    wrinkle = noise(size, 30, rng, octaves=2) * np.exp(-seam / 0.008)
    picture = multiplied(picture, 1 + 0.05 * weave + 0.05 * noise(size, 200, rng) + 0.05 * noise(size, 3, rng))
    picture = lit(picture, 9 * puff + 1.1 * wrinkle, 0.5)
    picture = multiplied(picture, 1 - 0.5 * np.exp(-seam / 0.0016))
    thread = line(seam - 0.0085, 0.0022, size) * (((x + y) * cell / 0.0105) % 1 < 0.62)
    picture = mixed(picture, colours("fbf5e6")[0], 0.9 * thread)
    return clipped(picture)


def _printed(cloth: np.ndarray, places: tuple[Plane, Plane], rng: np.random.Generator) -> Picture:
    """Cotton of each number's colour with a print of its own: stripes, dots, checks, sprigs or none."""
    down, across = places
    size = down.shape
    base = CLOTH[cloth]
    print_colour = CLOTH[(cloth * 5 + 4) % len(CLOTH)]
    stripes = np.sin((across + down) * 330) > 0.35
    dots = (
        np.hypot((across / 0.0145) % 1 - 0.5, ((down / 0.0145) + 0.5 * (np.floor(across / 0.0145) % 2)) % 1 - 0.5)
        < 0.24
    )
    checks = (np.sin(across * 260) > 0) ^ (np.sin(down * 260) > 0)
    turn = np.arctan2((down / 0.024) % 1 - 0.5, (across / 0.024) % 1 - 0.5)
    sprig = np.hypot((down / 0.024) % 1 - 0.5, (across / 0.024) % 1 - 0.5) < 0.2 + 0.12 * np.cos(5 * turn)
    pins = np.abs((across / 0.008) % 1 - 0.5) < 0.12
    prints = np.stack([stripes, dots, checks * 0.5, sprig, pins, np.zeros(size)]).astype(np.float32)
    chosen = np.take_along_axis(prints, (cloth % 6)[None], 0)[0]
    fade = 0.75 + 0.12 * noise(size, 60, rng)
    return mixed(base.astype(np.float32), print_colour, (chosen * fade).clip(0, 1))
