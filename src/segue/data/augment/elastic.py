"""Elastic deformation by a random mesh of cubic B-splines (after U-Net, https://arxiv.org/abs/1505.04597)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

CELLS = 4  # of the mesh along the shorter side of the crop
# Two-dimensional cubic B-splines never fold when no control point moves by more than 1 / 2.0464 of a cell
# (Choi and Lee 2000, "Injectivity conditions of 2D and 3D uniform cubic B-spline functions").
NO_FOLD = 0.48

Field = NDArray[np.float32]


def elastic(
    x: Field, y: Field, size: tuple[int, int], strength: float, generator: np.random.Generator
) -> tuple[Field, Field]:
    """Move points of the crop by a smooth random field.

    U-Net moves the knots of a 3 x 3 mesh by normal numbers and interpolates bicubically; here the mesh has four cells
    along the shorter side, its control points move uniformly within a bound, and splines that stay within the range of
    their control points interpolate: no point moves further than the bound, and the field never folds. The bound is
    drawn anew for each crop, up to `strength` times the largest that cannot fold, 12 % of the shorter side.

    Args:
        x: positions across, (1, W), in pixels from the centre of the crop, one pixel apart.
        y: positions down, (H, 1).
        size: height and width of the crop.
        strength: 0 to 1.
        generator: draws the bound and the mesh.
    """
    cell = min(size) / CELLS
    bound = generator.uniform(0, strength) * NO_FOLD * cell
    shape = math.ceil(size[0] / cell) + 3, math.ceil(size[1] / cell) + 3
    points = generator.uniform(-bound, bound, (2, *shape)).astype(np.float32)
    across, down = (surface(plane, size, cell) for plane in points)
    return x + across, y + down


def surface(points: Field, size: tuple[int, int], cell: float) -> Field:
    """The B-spline surface over control `points`, at the centre of each pixel of `size`."""
    return _along_rows(_along_rows(points, size[0], cell).T, size[1], cell).T


def _along_rows(points: Field, length: int, cell: float) -> Field:
    place = (np.arange(length) + 0.5) / cell
    first = place.astype(np.int64)
    t = (place - first).astype(np.float32)[:, None]
    weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    total = np.zeros((length, points.shape[1]), np.float32)
    for k, weight in enumerate(weights):
        total += weight * points[first + k] / 6
    return total
