"""Grid distortion: stripes of the crop are made wider or narrower, across and down; its border stays where it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CELLS = 5  # stripes in each direction

Field = NDArray[np.float32]


def grid(
    x: Field, y: Field, size: tuple[int, int], strength: float, generator: np.random.Generator
) -> tuple[Field, Field]:
    """Stretch and squeeze five stripes in each direction, as GridDistortion of Albumentations does.

    A stripe's width is multiplied by a factor of 1 ± `strength` at most, and all are then scaled to fill the crop, so
    the order of points is kept and nothing is pushed out. The limit is drawn anew for each crop, up to `strength`.

    Args:
        x: positions across, in pixels from the centre of the crop.
        y: positions down, of a shape that broadcasts with that of `x`.
        size: height and width of the crop.
        strength: 0 to 0.9.
        generator: draws the limit and the widths.
    """
    limit = generator.uniform(0, strength)
    return _stretch(x, size[1], limit, generator), _stretch(y, size[0], limit, generator)


def _stretch(places: Field, length: int, limit: float, generator: np.random.Generator) -> Field:
    widths = 1 + generator.uniform(-limit, limit, CELLS)
    ends = np.concatenate([[0.0], np.cumsum(widths)]) / widths.sum()
    knots = length * (np.linspace(0, 1, CELLS + 1) - 0.5)
    stretched = np.interp(places, knots, length * (ends - 0.5)).astype(np.float32)
    # an elastic field may have moved points over the border; they keep their distance to it
    return np.asarray(stretched + places - np.clip(places, knots[0], knots[-1]), np.float32)
