"""Which pixels a polygon covers.

The rule, for every format: pixel (row r, column c) covers the square from (c, r) to (c + 1, r + 1), and belongs to a
polygon when its centre (c + 0.5, r + 0.5) lies inside, by the even-odd rule. A centre exactly on the outline counts on
the left and upper side, and not on the right and lower one, so that polygons with a common edge neither overlap nor
leave a gap. pycocotools has the same rule on coordinates rounded to a fifth of a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy.typing import NDArray

FARTHEST = 1e6  # pixels from the origin; a coordinate beyond is damage
_AT_ONCE = 2_000_000  # crossings held in memory


@dataclass(frozen=True)
class Region:
    """Pixels within a box of the image: `inside[i, j]` is the pixel in row `top + i`, column `left + j`."""

    top: int
    left: int
    inside: Bool[np.ndarray, "rows columns"]

    @property
    def area(self) -> int:
        """The number of pixels."""
        return int(np.count_nonzero(self.inside))

    def paint(self, canvas: NDArray[np.uint8], value: int) -> None:
        """Give the region's pixels on `canvas` (height, width) this value."""
        rows, columns = self.inside.shape
        canvas[self.top : self.top + rows, self.left : self.left + columns][self.inside] = value


EMPTY = Region(0, 0, np.zeros((0, 0), bool))


def cut_out(mask: Bool[np.ndarray, "height width"]) -> Region:
    """The region of a whole mask, without the empty rows and columns around it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return EMPTY
    top, left = int(rows[0]), int(columns[0])
    return Region(top, left, mask[top : rows[-1] + 1, left : columns[-1] + 1].copy())


def fill(points: Float[np.ndarray, "points 2"], height: int, width: int) -> Region:
    """The pixels inside the closed polygon through `points` (x, y), cut at the borders of the image.

    Each edge that crosses a row of pixel centres flips all pixels to its right; what is flipped an odd number of times
    is inside. A path there and back the same way flips nothing, which is how holes are joined to outlines.
    """
    x, y = points[:, 0], points[:, 1]
    top, bottom = _first_centre(y.min(), height), _first_centre(y.max(), height)
    left, right = _first_centre(x.min(), width), _first_centre(x.max(), width)
    if top == bottom or left == right:
        return EMPTY
    rows, columns = bottom - top, right - left
    flips = np.zeros(rows * (columns + 1), np.uint8)
    for row, crossing in _crossings(points, top, bottom):
        column = np.clip(np.ceil(crossing - 0.5), left, right).astype(np.int64) - left
        counts = np.bincount((row - top) * (columns + 1) + column, minlength=len(flips))
        flips ^= (counts & 1).astype(np.uint8)
    inside = np.bitwise_xor.accumulate(flips.reshape(rows, columns + 1), axis=1)[:, :columns]
    return Region(top, left, inside.astype(bool))


def _first_centre(coordinate: float, size: int) -> int:
    """The first row (or column) whose centre is not before `coordinate`, within the image."""
    return int(np.clip(np.ceil(coordinate - 0.5), 0, size))


def _crossings(
    points: Float[np.ndarray, "points 2"], top: int, bottom: int
) -> list[tuple[Int64[np.ndarray, " crossings"], Float[np.ndarray, " crossings"]]]:
    """Rows, and where the edges cross their centres, in portions that fit in memory.

    An edge is taken from its upper end, whichever way the outline runs along it: so an edge and the same edge the other
    way round cross at the very same place.
    """
    ends = np.roll(points, -1, axis=0)
    down = (points[:, 1] < ends[:, 1])[:, None]
    upper, lower = np.where(down, points, ends), np.where(down, ends, points)
    first = np.clip(np.ceil(upper[:, 1] - 0.5), top, bottom).astype(np.int64)
    last = np.clip(np.ceil(lower[:, 1] - 0.5), top, bottom).astype(np.int64)
    slope = (lower[:, 0] - upper[:, 0]) / np.where(first < last, lower[:, 1] - upper[:, 1], 1)
    portions = np.cumsum(last - first) // _AT_ONCE
    return [
        _cross(upper[which], slope[which], first[which], last[which])
        for which in (portions == portion for portion in np.unique(portions))
    ]


def _cross(
    upper: Float[np.ndarray, "edges 2"],
    slope: Float[np.ndarray, " edges"],
    first: Int64[np.ndarray, " edges"],
    last: Int64[np.ndarray, " edges"],
) -> tuple[Int64[np.ndarray, " crossings"], Float[np.ndarray, " crossings"]]:
    lengths = last - first
    edge = np.repeat(np.arange(len(lengths)), lengths)
    row = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return row, upper[edge, 0] + (row + 0.5 - upper[edge, 1]) * slope[edge]
