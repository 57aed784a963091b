"""One raster, looked through a few rows at a time: is it whole, does it hold data, and where on the Earth it lies."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segue.data.doctor.codes import problem
from segue.data.doctor.likeness import Likeness, likeness
from segue.data.geotiff import Georeference, Raster, coloured, opened_raster, read_grid, row_blocks
from segue.data.index import Problem

THUMBNAIL = 256  # pixels along a side of what likeness is judged on
STRETCH = (2, 98)  # percentiles that become black and white there
SHIFT = 0.5  # of a pixel, by which the corners of an image and its mask may lie apart


@dataclass(frozen=True)
class Content:
    """What later checks need of a raster's pixels, and what is odd about them; the digest is `pixel_digest`'s."""

    digest: bytes
    likeness: Likeness | None
    problems: tuple[Problem, ...]


def look_through(path: Path, raster: Raster) -> Content:
    """Decode every block of a raster once.

    Raises:
        DataError: it cannot be decoded.
    """
    size, bands = (raster.height, raster.width), 3 if raster.palette else len(raster.bands)
    shape = size if bands == 1 else (*size, bands)
    digest, lows, highs = hashlib.sha256(repr(shape).encode()), [], []
    with opened_raster(path) as (dataset, _):
        for stored, missing in row_blocks(dataset, raster):
            values = coloured(stored, raster)
            digest.update(values.data)
            held = values if missing is None else values[~missing]
            lows += [held.min()] if held.size else []
            highs += [held.max()] if held.size else []
    problems = _odd_values(path, lows, highs)
    if raster.alpha is not None:
        problems += _odd_alpha(path, raster)
    return Content(digest.digest(), _likeness(path) if lows else None, tuple(problems))


def _odd_values(path: Path, lows: list[Any], highs: list[Any]) -> list[Problem]:
    if not lows:
        return [problem("IMG_NODATA", path, "every pixel is declared to be without data")]
    if min(lows) == max(highs):
        return [problem("IMG_FLAT", path, f"every pixel is {lows[0]:g}")]
    return []


def _odd_alpha(path: Path, raster: Raster) -> list[Problem]:
    with opened_raster(path) as (dataset, _):
        size = (min(THUMBNAIL, raster.height), min(THUMBNAIL, raster.width))
        levels = len(np.unique(dataset.read(raster.alpha, out_shape=size)))
    if levels <= 2:
        return []
    text = f"band {raster.alpha} is declared to be transparency and holds {levels} or more values"
    return [problem("IMG_ALPHA_BAND", path, text)]


def _likeness(path: Path) -> Likeness | None:
    values, missing = read_grid(path, THUMBNAIL)
    pixels = values.astype(np.float32)
    held = pixels[~missing] if missing is not None else pixels.reshape(-1, pixels.shape[2])
    if not len(held):
        return None
    if missing is not None:
        pixels[missing] = held.mean(axis=0)
    if values.dtype == np.uint8:
        return likeness(pixels)
    low, high = np.percentile(held, STRETCH, axis=0).astype(np.float32)
    with np.errstate(over="ignore"):  # the band is as good as flat, or goes to the end of float32
        return likeness((pixels - low) * (np.float32(255) / np.where(high > low, high - low, np.float32(1))))


def check_place(image: Georeference | None, mask: Georeference | None, mask_path: Path, size: Any) -> list[Problem]:  # noqa: ANN401
    """Compare where an image and its mask of the same `size` (height, width) lie; one without a place fits anywhere."""
    if image is None or mask is None:
        return []
    if image.crs is not None and mask.crs is not None and image.crs != mask.crs:
        text = f"the image is in {_short(image.crs)}, the mask in {_short(mask.crs)}"
        return [problem("PAIR_CRS", mask_path, text)]
    apart = corners_apart(image, mask, size)
    if apart > SHIFT:
        return [problem("PAIR_EXTENT", mask_path, f"corners of image and mask lie up to {apart:.3g} pixels apart")]
    return []


def corners_apart(first: Georeference, second: Georeference, size: tuple[int, int]) -> float:
    """The largest distance between equal corners, in pixels of the first."""
    height, width = size
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float)
    one, two = (np.reshape(place.transform, (2, 3)) for place in (first, second))
    if abs(np.linalg.det(one[:, :2])) < 1e-300:
        return 0.0  # a raster whose pixels have no extent says nothing
    shift: NDArray[np.float64] = np.linalg.solve(one[:, :2], (two - one) @ corners.T)
    return float(np.linalg.norm(shift, axis=0).max())


def _short(crs: Any) -> str:  # noqa: ANN401 - rasterio's object
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else str(crs.to_wkt()).partition(",")[0][:60]
