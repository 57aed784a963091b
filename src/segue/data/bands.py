"""What is measured on the training images where the encoder's own statistics do not apply.

A pretrained encoder knows the mean and deviation of 8-bit grey and colour pictures. For other numbers of bands, and for
rasters of other numbers (16-bit reflectances, elevations), they are measured: per band the range between the 0.1th and
the 99.9th percentile, which becomes 0-255, and the mean and deviation on that scale. Outliers beyond are clipped.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from segue.data.geotiff import read_grid
from segue.data.image import is_raster, read_image
from segue.data.scale import Ranges, on_scale
from segue.data.tiff import read_tiff
from segue.errors import DataError

PICTURE_CHANNELS = (1, 3)  # what encoders are pretrained on
PERCENTILES = (0.1, 99.9)
MOST_IMAGES = 200
MOST_PIXELS = 1_000_000  # looked at in all
_SHOWN = 6  # bands whose range is told

_log = logging.getLogger("segue")


@dataclass(frozen=True)
class Bands:
    """Per band: the numbers that become 0 and 255 (`ranges`, empty for 8-bit), mean and deviation on the 0-1 scale."""

    ranges: Ranges
    mean: tuple[float, ...]
    std: tuple[float, ...]


def numbers_of(path: Path) -> str:
    """What the numbers of an image are: `8-bit` (on the 0-255 scale, as all pictures), or a raster's own.

    Those are `integer` or `float`; see `segue.data.tiff`.
    """
    tiff = read_tiff(path)
    return tiff.numbers if tiff is not None and tiff.is_raster else "8-bit"


def measure(images: Sequence[Path], channels: int) -> Bands | None:
    """Measure the bands of training images; None where the encoder's statistics apply.

    At most `MOST_IMAGES` images and `MOST_PIXELS` pixels, both evenly spread, are looked at.

    Raises:
        DataError: the images hold different kinds of numbers, or no pixel with data.
    """
    kinds = {path: numbers_of(path) for path in images}
    usual = Counter(kinds.values()).most_common(1)[0][0]
    if odd := [path for path, kind in kinds.items() if kind != usual]:
        raise DataError(
            f"{odd[0]}: expected {usual} numbers like most images, got {kinds[odd[0]]} ones; export all alike"
        )
    if usual == "8-bit" and channels in PICTURE_CHANNELS:
        return None
    values = _looked_at(images, channels)
    ranges = () if usual == "8-bit" else tuple(_range(values[:, band]) for band in range(channels))
    pixels = (on_scale(values[None], ranges)[0] if ranges else values) / np.float32(255)
    mean, std = pixels.mean(axis=0, dtype=np.float64), pixels.std(axis=0, dtype=np.float64)
    deviations = tuple(_rounded(one) if one > 1e-6 else 1.0 for one in std)
    _log.info("%d bands measured on the training images%s", channels, _told(ranges))
    return Bands(ranges, tuple(map(_rounded, mean)), deviations)


def _told(ranges: Ranges) -> str:
    shown = ", ".join(f"{low:g} to {high:g}" for low, high in ranges[:_SHOWN]) + ", ..." * (len(ranges) > _SHOWN)
    return f"; these numbers become 0 to 255: {shown}" if ranges else ""


def _looked_at(images: Sequence[Path], channels: int) -> Float32[np.ndarray, "pixels channels"]:
    step = max(1, math.ceil(len(images) / MOST_IMAGES))
    chosen = images[::step]
    side = max(1, math.isqrt(MOST_PIXELS // len(chosen)))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda path: _pixels_of(path, side), chosen))
    for path, pixels in zip(chosen, found, strict=True):
        if pixels.shape[1] != channels:
            raise DataError(f"{path}: expected {channels} bands like most images, got {pixels.shape[1]}")
    values = np.concatenate(found)
    if not len(values):
        raise DataError(f"{images[0].parent}: expected rasters with data, every pixel looked at has none")
    return values


def _pixels_of(path: Path, side: int) -> Float32[np.ndarray, "pixels channels"]:
    """Every n-th pixel that has data, as the file stores it (a raster) or on the 0-255 scale."""
    if is_raster(path):
        values, missing = read_grid(path, side)
        kept: NDArray[Any] = values.reshape(-1, values.shape[2]) if missing is None else values[~missing]
    else:
        image = read_image(path)
        rows, columns = (math.ceil(length / side) for length in image.shape[:2])
        kept = image[::rows, ::columns].reshape(-1, image.shape[2])
    return kept.astype(np.float32)


def _range(values: Float32[np.ndarray, " pixels"]) -> tuple[float, float]:
    low, high = (_rounded(limit) for limit in np.percentile(values, PERCENTILES))
    return (low, high) if high > low else (low, low + 1.0)


def _rounded(number: float) -> float:
    """To nine significant digits, all that float32 has, so that `model.json` stays readable."""
    return float(f"{number:.9g}")
