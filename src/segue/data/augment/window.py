"""Where a window of a given size and turn looks at an image."""

from __future__ import annotations

import numpy as np

from segue.data.augment.rotate import extent, rotate
from segue.data.geometry import Box

Pair = tuple[float, float]  # down and across, in pixels of the image

MIDDLE = 0.5  # what a window is laid around comes to lie in the middle of it, within this share of its sides
REACH = 0.45  # a turned window is moved until its place is this share of its sides away from its centre


def random_box(shape: tuple[int, int], window: Pair, generator: np.random.Generator, angle: float = 0.0) -> Box:
    """A window (height, width) anywhere on an image of `shape`: inside when it fits, else such that it holds all of it.

    The box is upright; its content is to be turned by `angle` (radians) about its centre, and room is left for that.
    """
    needed = extent(window, angle)
    down = _offset(shape[0], needed[0], generator) + (needed[0] - window[0]) / 2
    across = _offset(shape[1], needed[1], generator) + (needed[1] - window[1]) / 2
    return across, down, across + window[1], down + window[0]


def _offset(length: int, window: float, generator: np.random.Generator) -> float:
    # a window longer than the image is placed so that it holds all of the image
    low, high = min(0.0, length - window), max(0.0, length - window)
    return float(generator.uniform(low, high))


def box_around(
    place: Pair, shape: tuple[int, int], window: Pair, generator: np.random.Generator, angle: float = 0.0
) -> Box:
    """A window that holds `place` (row, column): in its middle half, or nearer to its border to stay on the image.

    A window that is turned leaves the image where the place lies in a corner that it could not show otherwise.
    """
    # where the place is to lie in the window, seen from its centre and in its own directions
    wanted = (
        float(generator.uniform(-MIDDLE / 2, MIDDLE / 2)) * window[0],
        float(generator.uniform(-MIDDLE / 2, MIDDLE / 2)) * window[1],
    )
    across, down = rotate(wanted[1], wanted[0], angle)
    free = (place[0] - down, place[1] - across)
    needed = extent(window, angle)
    held = (_held(free[0], shape[0], needed[0]), _held(free[1], shape[1], needed[1]))
    if angle:
        found = rotate(place[1] - held[1], place[0] - held[0], -angle)[::-1]
        way = max(_way_back(found[axis], wanted[axis], REACH * window[axis]) for axis in (0, 1))
        held = (held[0] + way * (free[0] - held[0]), held[1] + way * (free[1] - held[1]))
    return held[1] - window[1] / 2, held[0] - window[0] / 2, held[1] + window[1] / 2, held[0] + window[0] / 2


def _held(centre: float, length: int, window: float) -> float:
    """The centre nearest to `centre` at which a window stays on the image, or holds all of it."""
    low, high = sorted((window / 2, length - window / 2))
    return min(max(centre, low), high)


def _way_back(found: float, wanted: float, limit: float) -> float:
    """The share of the way from `found` to `wanted` after which at most `limit` is left."""
    if abs(found) <= limit:
        return 0.0
    return (abs(found) - limit) / abs(found - wanted)
