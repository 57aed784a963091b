"""Charcoal and white chalk on grey paper: smudged darks, rough strokes, the tooth of the paper."""

from __future__ import annotations

import numpy as np

from segue.style.bank.brush import Brush, painted
from segue.style.bank.plane import (
    Picture,
    Plane,
    Size,
    blurred,
    clipped,
    colours,
    grain,
    grid,
    mixed,
    noise,
    ramp,
    smoothstep,
)
from segue.style.bank.scenery import ball

PAPER = colours("a39a8b b4ab9b c6beae")
COAL, CHALK = colours("16151a")[0], colours("f8f4ec")[0]
FRUIT = ((0.5, 0.28, 0.15), (0.46, 0.66, 0.19), (0.64, 0.47, 0.13), (0.72, 0.8, 0.11), (0.76, 0.2, 0.09))


def charcoal(size: Size, rng: np.random.Generator) -> Picture:
    """A still life in charcoal with lights of white chalk on grey paper."""
    down, _ = grid(size)
    tone, heading = _still_life(size, rng)
    design = np.repeat(tone[..., None], 3, -1)
    strokes = (
        Brush(0.12, 0.03, 2, jitter=0.08, streak=0.05, opacity=0.5),
        Brush(0.085, 0.009, 3, jitter=0.16, streak=0.12, opacity=0.7),
        Brush(0.06, 0.004, 1.6, jitter=0.28, streak=0.1, opacity=0.85),
    )
    drawn = painted(design, heading, strokes, rng, light=0.0).mean(-1)
    smudged = 0.5 * blurred(drawn, 0.012) + 0.5 * tone
    tooth = 0.6 * grain(size, rng, 1 / 380) + 0.4 * noise(size, 200, rng)
    laid = 0.5 * np.sin(2 * np.pi * down / 0.011)  # the ribs of laid paper
    dark = smoothstep(0.6, -0.05, drawn + 0.11 * tooth + 0.03 * laid)
    dark = np.maximum(dark, 0.75 * smoothstep(0.62, -0.05, smudged + 0.07 * tooth))
    chalk = smoothstep(0.74, 1.02, drawn + 0.1 * tooth + 0.02 * laid)
    paper = ramp(np.clip(0.5 + 0.18 * noise(size, 5, rng, octaves=3) + 0.1 * tooth, 0, 1), PAPER)
    return clipped(mixed(mixed(paper, COAL, dark * 0.96), CHALK, chalk * 0.92))


def _still_life(size: Size, rng: np.random.Generator) -> tuple[Plane, Plane]:
    """Fruit on a table before a dark wall: the tones, and the direction in which a hand would draw them."""
    down, across = grid(size)
    tall, wide = (count / max(size) for count in size)
    wall = 0.34 + 0.16 * noise(size, 3, rng, octaves=3) - 0.25 * (across - 0.3) + 0.1 * down
    table = 0.6 + 0.14 * noise(size, 4, rng, octaves=3) - 0.3 * (down - 0.6)
    edge = 0.44 * tall + 0.01 * noise(size, 3, rng)
    front = smoothstep(-0.004, 0.004, down - edge)
    tone = wall + front * (table - wall)
    cloth = np.sin(across * 46 + 5 * noise(size, 3, rng) + 9 * down) * smoothstep(0.62, 0.85, down / tall)
    tone = np.asarray(tone + 0.2 * cloth, np.float32)
    heading = -0.8 + 0.25 * noise(size, 3, rng) + front * (0.6 + 0.5 * cloth)
    for row, column, radius in FRUIT:
        middle = (row + 0.03 * rng.standard_normal()) * tall, (column + 0.03 * rng.standard_normal()) * wide
        tone, inside, around = ball(tone, (*middle, radius * rng.uniform(0.9, 1.1)), 0.08 * noise(size, 12, rng))
        heading = np.where(inside, around, heading)
    return tone, np.asarray(heading, np.float32)
