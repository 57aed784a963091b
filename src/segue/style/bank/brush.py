"""Brush strokes: bent ribbons of paint with bristles, laid over each other along a flow."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from segue.style.bank.plane import Picture, Plane, clipped, lit

HAIRS = 12  # bristles of a brush that leave traces of their own


@dataclass(frozen=True)
class Brush:
    """One layer of strokes: `length` and `width` of a stroke in shares of the long side.

    `cover` is how many times the strokes cover the picture; `jitter` how far a stroke's colour strays (of 1), `streak`
    how far that of its bristles, `stray` how far its direction in radians. `opacity` is that of the paint.
    """

    length: float
    width: float
    cover: float
    jitter: float = 0.05
    streak: float = 0.05
    stray: float = 0.15
    opacity: float = 1.0


@dataclass(frozen=True)
class _Strokes:
    """A layer, one row for each stroke: places, sizes and bends in pixels."""

    places: Float[np.ndarray, "strokes 2"]
    headings: Float[np.ndarray, " strokes"]
    halves: Float[np.ndarray, "strokes 2"]
    bends: Float[np.ndarray, " strokes"]
    colours: Float[np.ndarray, "strokes 3"]
    hairs: Float[np.ndarray, "strokes hairs"]
    ends: Float[np.ndarray, "strokes hairs"]


def painted(
    design: Picture, heading: Plane, brushes: tuple[Brush, ...], rng: np.random.Generator, light: float = 0.5
) -> Picture:
    """A design painted over with strokes, one layer after another, and lit from the side by `light`.

    Strokes follow `heading` (radians, from across to down) and bend with it; each has the colour the design has at its
    middle.
    """
    picture, relief = design * np.float32(0.92), np.zeros(design.shape[:2], np.float32)
    for brush in brushes:
        _lay(picture, relief, _strokes(design, heading, brush, rng), brush)
    return clipped(lit(picture, relief, light))


def _strokes(design: Picture, heading: Plane, brush: Brush, rng: np.random.Generator) -> _Strokes:
    size = np.array(design.shape[:2])
    side = size.max()
    count = max(1, round(brush.cover * size.prod() / (side**2 * brush.length * brush.width)))
    places = rng.random((count, 2)) * size
    halves = 0.5 * side * np.array([brush.length, brush.width]) * rng.uniform(0.65, 1.35, (count, 2))
    headings = _at(heading, places) + rng.normal(0, brush.stray, count)
    ahead = np.stack([np.sin(headings), np.cos(headings)], 1) * halves[:, :1]
    turn = _at(heading, places + ahead) - _at(heading, places - ahead)
    turn = (turn + np.pi / 2) % np.pi - np.pi / 2  # a stroke has no front: half a turn is none
    colours = (
        _at(design, places) + rng.normal(0, brush.jitter, (count, 1)) + rng.normal(0, brush.jitter / 2, (count, 3))
    )
    return _Strokes(
        places,
        headings,
        halves,
        np.clip(turn, -1.2, 1.2) * halves[:, 0] / 4,
        colours.astype(np.float32),
        rng.normal(0, 1, (count, HAIRS)).astype(np.float32),
        (1 - 0.4 * rng.random((count, HAIRS)) ** 2).astype(np.float32),
    )


def _at(field: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The values at places in pixels; beyond the border, those at the border."""
    rows, columns = (np.clip(places[:, axis], 0, field.shape[axis] - 1).astype(int) for axis in (0, 1))
    values: np.ndarray = field[rows, columns]
    return values


def _lay(picture: Picture, relief: Plane, strokes: _Strokes, brush: Brush) -> None:
    """Put a layer of strokes onto the picture, one over the other, and their paint onto the relief.

    The loop and all it does are one function since it runs some thousand times for each picture.
    """
    height, width = relief.shape
    one = np.float32(1)
    thickness = 0.25 * 512 / max(height, width)
    for number, (row, column) in enumerate(strokes.places.tolist()):
        (long, wide), bend = strokes.halves[number].tolist(), float(strokes.bends[number])
        heading = float(strokes.headings[number])
        sine, cosine = math.sin(heading), math.cos(heading)
        room = wide + abs(bend)
        tall, broad = abs(sine) * long + abs(cosine) * room + 1, abs(cosine) * long + abs(sine) * room + 1
        top, left = max(0, int(row - tall)), max(0, int(column - broad))
        bottom, right = min(height, int(row + tall) + 2), min(width, int(column + broad) + 2)
        down = np.arange(top, bottom, dtype=np.float32)[:, None] - (row - 0.5)
        across = np.arange(left, right, dtype=np.float32)[None] - (column - 0.5)
        along = (across * cosine + down * sine) / long
        aside = (down * cosine - across * sine - bend * along * along) / wide
        hair = ((aside + one) * (HAIRS / 2)).astype(np.int32).clip(0, HAIRS - 1)
        edge = ((one - np.abs(aside)) * wide + 0.5).clip(0, 1)
        tip = ((strokes.ends[number][hair] - np.abs(along)) * (long * 0.6) + 0.5).clip(0, 1)
        cover = edge * tip * brush.opacity
        streak = strokes.hairs[number][hair]
        paint = strokes.colours[number] + brush.streak * streak[..., None]
        window = picture[top:bottom, left:right]
        window += cover[..., None] * (paint - window)
        # thick at the sides and at the far end, where a brush leaves what it pushes
        ridge = thickness * wide * (0.6 + 0.4 * along + 0.6 * aside * aside) + 0.35 * streak
        thick = relief[top:bottom, left:right]
        thick += cover * (ridge - thick)
