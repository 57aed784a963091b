"""One annotated object as a region of pixels, or what is wrong with it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from segue.data.drawn import rle
from segue.data.drawn.cache import Drawing
from segue.data.drawn.polygon import FARTHEST, Region, cut_out, fill

MOST_FINDINGS = 20  # about one image


class BrokenShapeError(Exception):
    """A shape that cannot be drawn; `code` is the doctor's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def points_of(numbers: Any) -> Float[np.ndarray, "points 2"]:  # noqa: ANN401 - whatever a file holds
    """Points from a flat list x, y, x, y, ... or a list of pairs.

    Raises:
        BrokenShapeError: fewer than three points, or not finite numbers near an image.
    """
    try:
        points = np.array(numbers, float).reshape(-1, 2)
    except (TypeError, ValueError, OverflowError):
        raise BrokenShapeError("ANN_SHAPE", "expected x, y, x, y, ... of an outline, got something else") from None
    if len(points) < 3:
        raise BrokenShapeError("ANN_SHAPE", f"expected an outline of three or more points, got {len(points)}")
    if not (np.abs(points) <= FARTHEST).all():  # NaN is not smaller than anything
        raise BrokenShapeError("ANN_SHAPE", "expected points within the image, got numbers beyond any image")
    return points


def box(corner: tuple[float, float], opposite: tuple[float, float], height: int, width: int) -> Region:
    """The pixels of an upright rectangle through two opposite corners (x, y)."""
    (x0, y0), (x1, y1) = corner, opposite
    return fill(points_of([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]), height, width)


def disc(centre: tuple[float, float], radius: float, height: int, width: int) -> Region:
    """The pixels whose centres lie within `radius` of `centre` (x, y)."""
    if not all(math.isfinite(value) and abs(value) <= FARTHEST for value in (*centre, radius)):
        raise BrokenShapeError("ANN_SHAPE", "expected a circle within the image, got numbers beyond any image")
    rows, columns = np.ogrid[:height, :width]
    return cut_out((columns + 0.5 - centre[0]) ** 2 + (rows + 0.5 - centre[1]) ** 2 <= radius**2)


def runs(counts: Any, size: Any, height: int, width: int) -> Region:  # noqa: ANN401 - whatever a file holds
    """The pixels of COCO run lengths; `size` is what they say of themselves, (height, width).

    Raises:
        BrokenShapeError: they are not for an image of this size, or damaged.
    """
    if list(size) != [height, width] if isinstance(size, (list, tuple)) else True:
        raise BrokenShapeError("ANN_RLE", f"expected run lengths of an image of {height} x {width}, got size {size}")
    try:
        return cut_out(rle.decode(counts, height, width))
    except rle.BrokenRunsError as error:
        raise BrokenShapeError("ANN_RLE", str(error)) from None


def painted(
    height: int, width: int, layers: list[tuple[int, list[Region]]], findings: list[tuple[str, str]]
) -> Drawing:
    """A mask of 0 with each layer's regions painted over it in their value, in order."""
    canvas = np.zeros((height, width), np.uint8)
    for value, regions in layers:
        for region in regions:
            region.paint(canvas, value)
    shown = tuple(findings[:MOST_FINDINGS])
    if len(findings) > MOST_FINDINGS:
        shown = (*shown, (shown[-1][0], f"and {len(findings) - MOST_FINDINGS} more findings about this image"))
    return Drawing(canvas, shown)
