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
    scale = np.float32(255) / (high - low)
    return np.asarray(np.clip((values.astype(np.float32) - low) * scale, 0, 255), np.float32)


def raster_pixels(values: Array, missing: Bool[np.ndarray, "height width"] | None, ranges: Ranges, path: Path) -> Array:
    """What was read from a raster as pixels on the 0-255 scale, NaN where there is no data.

    Without `ranges`, 8-bit values stay and others follow the rule for pictures: 16 bits are divided by 257, floats
    must lie in 0 to 1.

    Raises:
        DataError: as for `on_scale`, or the values are not on a scale known without `ranges`.
    """
    try:
        if ranges:
            pixels = on_scale(values, ranges)
        else:
            pixels = scaled(values if missing is None else np.where(missing[..., None], values.dtype.type(0), values))
    except (DataError, RefusedError) as error:
        advice = "" if ranges else "; the model was trained on 8-bit images: bring the raster to 8 bits as they were"
        raise DataError(f"{path}: {error}{advice}") from None
    if missing is None:
        return pixels
    pixels = pixels.astype(np.float32)
    pixels[missing] = np.nan
    return pixels


def fill_missing(pixels: Array, mean: Sequence[float]) -> tuple[Array, Bool[np.ndarray, "height width"] | None]:
    """Give pixels without data the mean colour (0-1 scale), which normalising turns into zero, and say which they are.

    Returns:
        The filled pixels, and where there was no data (None: nowhere).
    """
    if pixels.dtype.kind != "f":
        return pixels, None
    missing = np.asarray(np.isnan(pixels).any(axis=2))
    if not missing.any():
        return pixels, None
    colour = np.array(mean, np.float32) * np.float32(255)
    return np.where(missing[..., None], colour, pixels).astype(pixels.dtype), missing
