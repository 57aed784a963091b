"""Patches of one kind in an image: connected pixels with the same code, those that are large and thick enough."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int64
from scipy.ndimage import maximum_filter, minimum_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

_FOLLOWING = ((0, 1), (1, -1), (1, 0), (1, 1))  # the four of the eight neighbours that come later in reading order


def regions(codes: Int64[np.ndarray, "height width"], smallest: int, core: int) -> tuple[Int64[np.ndarray, " _"], ...]:
    """Positions (row * width + column) of each connected set of pixels with the same code of 0 or more.

    Pixels connect to their eight neighbours; codes below 0 belong to nothing. Sets of fewer than `smallest` pixels are
    left out, and those that hold no square of `core` x `core` pixels (odd): strips along a contour. The sets come in
    the order of their first pixels, the positions of each in reading order.
    """
    solid = _solid(codes, core)
    if not solid.any():
        return ()
    places = np.flatnonzero(codes >= 0)
    owner = _connected(codes, places)
    sizes = np.bincount(owner)
    kept = (sizes >= smallest) & (np.bincount(owner[solid.ravel()[places]], minlength=sizes.size) > 0)
    places, owner = places[kept[owner]], owner[kept[owner]]
    order = np.argsort(owner, kind="stable")
    parts = np.split(places[order], np.flatnonzero(np.diff(owner[order])) + 1)
    return tuple(sorted((part for part in parts if part.size), key=lambda part: int(part[0])))


def _solid(codes: Int64[np.ndarray, "height width"], core: int) -> Bool[np.ndarray, "height width"]:
    """Middles of squares of one code that lie in the image whole."""
    if not (codes >= 0).any():
        return np.zeros(codes.shape, bool)
    low, high = (extreme(codes, size=core, mode="constant", cval=-1) for extreme in (minimum_filter, maximum_filter))
    return np.asarray((codes >= 0) & (low == high))


def _connected(codes: Int64[np.ndarray, "height width"], places: Int64[np.ndarray, " pixels"]) -> np.ndarray:
    """A number for each of `places`, the same for those that are connected."""
    height, width = codes.shape
    number = np.zeros(codes.shape, np.int64)
    number.ravel()[places] = np.arange(places.size)
    pairs = []
    for down, right in _FOLLOWING:
        own = (slice(0, height - down), slice(max(0, -right), width - max(0, right)))
        other = (slice(down, height), slice(max(0, right), width + min(0, right)))
        same = (codes[own] == codes[other]) & (codes[own] >= 0)
        pairs.append(np.stack([number[own][same], number[other][same]]))
    first, second = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(first.size, bool), (first, second)), shape=(places.size, places.size))
    return np.asarray(connected_components(graph, directed=False)[1])
