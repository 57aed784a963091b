"""Distances between the surfaces of two masks, in two or three dimensions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import KDTree


class SurfaceDistances(NamedTuple):
    """How far each surface pixel is from the nearest surface pixel of the other mask.

    `from_truth` has one length for each surface pixel of the truth, `from_prediction` for each of the prediction. Where
    the other mask is empty all are infinite.
    """

    from_truth: Float[np.ndarray, " truth"]
    from_prediction: Float[np.ndarray, " predicted"]

    @property
    def both_empty(self) -> bool:
        """Whether neither mask has a pixel."""
        return not len(self.from_truth) and not len(self.from_prediction)

    @property
    def one_empty(self) -> bool:
        """Whether exactly one mask has a pixel."""
        return not self.both_empty and (not len(self.from_truth) or not len(self.from_prediction))


def surface_distances(
    truth: Bool[np.ndarray, "*space"], prediction: Bool[np.ndarray, "*space"], spacing: tuple[float, ...] | None = None
) -> SurfaceDistances:
    """Distances between the surfaces of two masks, between pixel centres, in pixels or the unit of `spacing`.

    Exact. Only the box around both masks is looked at, pixels on both surfaces have distance 0 without a search, and
    the others ask a tree of the other surface's pixels: a surface has far fewer pixels than a distance map.
    """
    box = bounding_box(truth | prediction)
    surfaces = surface(truth[box]), surface(prediction[box])
    places = [np.argwhere(one) * np.asarray(spacing or 1.0) for one in surfaces]
    return SurfaceDistances(
        _to_nearest(surfaces[0], places[0], surfaces[1], places[1]),
        _to_nearest(surfaces[1], places[1], surfaces[0], places[0]),
    )


def surface(mask: Bool[np.ndarray, "*space"]) -> Bool[np.ndarray, "*space"]:
    """The pixels of a mask with a direct neighbour (4 in 2-D, 6 in 3-D) outside it or beyond the edge of the image."""
    inner = mask.copy()
    for axis in range(mask.ndim):
        forward, back = np.swapaxes(inner, 0, axis), np.swapaxes(mask, 0, axis)
        forward[1:] &= back[:-1]
        forward[:-1] &= back[1:]
        forward[:1] = forward[-1:] = False
    return np.asarray(mask & ~inner)


def within(lengths: Float[np.ndarray, "*shape"], tolerance: float) -> Bool[np.ndarray, "*shape"]:
    """Which lengths are at most `tolerance`, forgiving the rounding of spacings: 3 pixels of 0.1 mm are within 0.3."""
    return np.asarray(lengths <= tolerance * (1 + 1e-9))


def bounding_box(mask: Bool[np.ndarray, "*space"], margin: int = 0) -> tuple[slice, ...]:
    """The smallest box around the pixels of a mask and `margin` more on each side, within the image; empty for none."""
    box: list[slice] = []
    for axis in range(mask.ndim):
        inside = mask[tuple(box)]  # each axis looks only at what the ones before it left
        occupied = np.flatnonzero(inside.any(axis=tuple(i for i in range(mask.ndim) if i != axis)))
        box.append(slice(max(0, occupied[0] - margin), occupied[-1] + 1 + margin) if occupied.size else slice(0))
    return tuple(box)


def _to_nearest(
    own: Bool[np.ndarray, "*space"],
    own_places: Float[np.ndarray, "own axes"],
    other: Bool[np.ndarray, "*space"],
    other_places: Float[np.ndarray, "other axes"],
) -> Float[np.ndarray, " own"]:
    distances = np.zeros(len(own_places))
    apart = ~other[own]
    if not len(other_places):
        distances[:] = np.inf
    elif apart.any():
        # built for one question: sorting it into a deep, balanced tree costs more than it saves
        tree = KDTree(other_places, leafsize=32, balanced_tree=False, compact_nodes=False)
        distances[apart] = tree.query(own_places[apart])[0]
    return distances
