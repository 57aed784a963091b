"""From the numbers of a raster to the 0-255 scale everything else works on, and pixels without data.

8-bit bands are on that scale. Reflectances of 0 to 10,000, elevations or decibels are not, and nothing in a file says
which of its numbers are dark and which bright. So the range of every band is measured once, on the training images
(`segue.data.bands`), and kept with the model: the same bytes always give the same pixels, whatever else the file holds.

In an array of pixels, NaN stands for "no data".
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32
from numpy.typing import NDArray

from segue.data.pixels import RefusedError, scaled
from segue.errors import DataError

Array = NDArray[Any]
Missing = Bool[np.ndarray, "height width"]
Ranges = tuple[tuple[float, float], ...]  # per band, the numbers that become 0 and 255; empty for 8-bit bands


def on_scale(values: Array, ranges: Ranges) -> Float32[np.ndarray, "height width bands"]:
    """Map every band's range to 0-255; what lies outside is clipped, NaN stays.

    Raises:
        DataError: there are other bands than `ranges`, or the values are 8-bit: those have no range of their own.
    """
    if values.ndim != 3 or values.shape[2] != len(ranges):
        got = f"{values.shape[2]} bands" if values.ndim == 3 else f"shape {values.shape}"
        raise DataError(f"expected {len(ranges)} bands as in training, got {got}; give the same bands in their order")
    if values.dtype == np.uint8:
        spans = ", ".join(f"{low:g} to {high:g}" for low, high in ranges[:3])
        raise DataError(f"expected numbers as in training (by band {spans}), got 8-bit ones; give the original raster")
    low, high = np.array(ranges, np.float32).T
    pixels = values.astype(np.float32)
    with np.errstate(over="ignore"):  # what becomes infinite is clipped
        pixels -= low  # in place: a raster may take gigabytes
        pixels *= np.float32(255) / (high - low)
    return np.clip(pixels, 0, 255, out=pixels)


def raster_pixels(values: Array, missing: Missing | None, ranges: Ranges, path: Path) -> Array:
    """What was read from a raster as pixels on the 0-255 scale; those that are `missing` may come out as anything.

    Without `ranges`, 8-bit values stay and others follow the rule for pictures: 16 bits are divided by 257, floats
    must lie in 0 to 1.

    Raises:
        DataError: as for `on_scale`, or the values are not on a scale known without `ranges`.
    """
    try:
        if ranges:
            return on_scale(values, ranges)
        return scaled(values if missing is None else np.where(missing[..., None], values.dtype.type(0), values))
    except (DataError, RefusedError) as error:
        advice = "" if ranges else "; the model was trained on 8-bit images: bring the raster to 8 bits as they were"
        raise DataError(f"{path}: {error}{advice}") from None


def marked(pixels: Array, missing: Missing | None) -> Array:
    """Pixels with NaN, and so in float32, where they are `missing`."""
    if missing is None:
        return pixels
    pixels = pixels.astype(np.float32)
    pixels[missing] = np.nan
    return pixels


def where_marked(pixels: Array) -> Missing | None:
    """The pixels that have no data (NaN in any band), None where all have."""
    if pixels.dtype.kind != "f":
        return None
    missing = np.asarray(np.isnan(pixels).any(axis=2))
    return missing if missing.any() else None


def filled(pixels: Array, missing: Missing | None, mean: Sequence[float]) -> Array:
    """Pixels with the mean colour (0-1 scale), which normalising turns into zero, where they are `missing`."""
    if missing is None:
        return pixels
    colour = np.array(mean) * 255
    pixels = pixels.copy()
    pixels[missing] = (np.rint(colour) if pixels.dtype == np.uint8 else colour).astype(pixels.dtype)
    return pixels
