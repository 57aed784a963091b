"""Histogram matching: each channel takes over how often a style has each level."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8
from numpy.typing import NDArray

LEVELS = 256

Array = NDArray[np.float32]
Counts = Int64[np.ndarray, "channels levels"]


def match_histogram(image: Array, inside: NDArray[np.bool_], counts: Counts) -> Array:
    """Give every pixel the level that has its rank in a style, channel by channel (Gonzalez and Woods, section 3.3).

    Pixels are rounded to whole levels first. Those that are not `inside` neither count nor change. What is darker than
    another pixel never becomes brighter than it.

    Args:
        image: pixels (H, W, C) on the 0-255 scale.
        inside: which of them show an image (H, W).
        counts: what `level_counts` gives for a style.
    """
    if not inside.any():
        return image
    levels = as_levels(image)
    own = level_counts(levels[inside] if not inside.all() else levels)
    channels = [matched(own[c], counts[c])[levels[..., c]] for c in range(image.shape[2])]
    return np.where(inside[..., None], np.stack(channels, axis=2), image)


def as_levels(image: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Pixels rounded to whole levels from 0 to 255."""
    return np.asarray(image if image.dtype == np.uint8 else np.clip(np.rint(image), 0, LEVELS - 1), np.uint8)


def level_counts(levels: UInt8[np.ndarray, "*pixels channels"]) -> Counts:
    """How many pixels have each level, in each channel."""
    return np.stack([np.bincount(levels[..., c].ravel(), minlength=LEVELS) for c in range(levels.shape[-1])])


def matched(own: Int64[np.ndarray, " levels"], style: Int64[np.ndarray, " levels"]) -> Float32[np.ndarray, " levels"]:
    """What each level becomes: that of the style with the same rank, interpolated between those the style has."""
    held = np.flatnonzero(style)
    return np.asarray(np.interp(ranks(own), ranks(style)[held], held), np.float32)


def ranks(counts: Int64[np.ndarray, " levels"]) -> Float64[np.ndarray, " levels"]:
    """The share of pixels below each level, half of those that have it counted in.

    >>> ranks(np.array([2, 0, 2])).tolist()
    [0.25, 0.5, 0.75]
    """
    return np.asarray((np.cumsum(counts) - counts / 2) / counts.sum())
