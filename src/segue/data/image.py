"""Reading pictures from disk into arrays: one call for images, one for masks, one for the size alone.

The same bytes always give the same array, whatever the rest of the data set holds: no scaling by an image's own range,
no guess at what an odd file meant. What `segue.data.pixels` has no row for is refused.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from segue.data.geotiff import NODATA, Window, raster_info, read_labels, read_raster
from segue.data.opening import BROKEN, ENDINGS, check_size, opened, orientation
from segue.data.pixels import (
    IMAGE,
    MASK,
    WIDE_IMAGE,
    Array,
    Convert,
    RefusedError,
    blended,
    check_layout,
    is_wide,
    labels,
    low_bytes,
    raw_modes,
    sample_step,
    scaled,
)
from segue.data.scale import Missing, Ranges, marked, on_scale, raster_pixels, where_marked
from segue.data.tiff import read_tiff
from segue.errors import DataError

__all__ = [
    "ENDINGS",
    "MAX_PIXELS",
    "image_size",
    "is_raster",
    "mask_palette",
    "raster_labels",
    "read_image",
    "read_mask",
    "read_with_missing",
    "to_channels",
]

MAX_PIXELS = 200_000_000


def read_image(path: Path, max_pixels: int = MAX_PIXELS, ranges: Ranges = ()) -> Array:
    """Decode an image to `(height, width, channels)`, upright.

    8-bit sources give uint8. 16-bit ones give float32 on the same 0-255 scale, divided by 257 so that no level is lost.
    Floats must lie in 0 to 1 and are multiplied by 255. One channel is grey, three are RGB; a `.npy` array may hold any
    number. Transparent pixels are blended over black; alpha that is opaque everywhere is left out.

    A raster (`segue.data.geotiff`) may hold any number of bands, and any numbers where their `ranges` are known; its
    pixels without data are NaN, and the array is float32 where there is one.

    Args:
        path: a PNG, JPEG, WebP, TIFF or BMP file, recognised by its content, or a `.npy` array `(H, W)` or `(H, W, C)`.
        max_pixels: the largest height x width that is decoded; checked on the header.
        ranges: per band, the numbers that become 0 and 255 (`segue.data.scale`), for models trained on such rasters.

    Raises:
        DataError: the file is missing, broken, too large, or holds pixels that would be changed by reading them.
        MissingPackageError: it is a raster, and rasterio is not installed.
    """
    if path.suffix.lower() == ".npy":
        return _from_numpy(path, max_pixels, lambda array: _array_pixels(array, ranges))
    if is_raster(path):
        return marked(*_raster_pixels(path, max_pixels, ranges))
    if ranges:
        raise DataError(f"{path}: expected a raster like those the model was trained on, got a picture; give a GeoTIFF")
    with opened(path, max_pixels) as picture:
        turn = orientation(picture)
        wide = is_wide(picture)
        image = _decoded(picture, path, "image", WIDE_IMAGE if wide else IMAGE)
    if wide:
        with opened(path, max_pixels) as picture:
            image = (image * np.float32(256) + low_bytes(picture)) / np.float32(257)
        image = blended(image) if image.shape[2] == 4 else image
    return _upright(image if image.ndim == 3 else image[..., None], turn)


def read_with_missing(path: Path, max_pixels: int = MAX_PIXELS, ranges: Ranges = ()) -> tuple[Array, Missing | None]:
    """What `read_image` gives, with the pixels without data told apart from the others rather than marked.

    8-bit rasters stay 8-bit this way. Missing pixels may hold anything; None stands for none missing.
    """
    if path.suffix.lower() != ".npy" and is_raster(path):
        return _raster_pixels(path, max_pixels, ranges)
    pixels = read_image(path, max_pixels, ranges)
    return pixels, where_marked(pixels)


def read_mask(path: Path, max_pixels: int = MAX_PIXELS) -> Array:
    """Decode a mask to the values it stores, upright: nothing is scaled or looked up.

    Grey and palette masks give `(height, width)` uint8 or uint16; a palette mask keeps its indices. Colour masks give
    `(height, width, 3)` uint8. One-bit masks give 0 and 255, as their 8-bit twins do. Floats are taken when they are
    whole numbers. Wholly transparent pixels become 0 (black). A raster gives `NODATA`, in int32, where it has no data.

    Args:
        path: as for `read_image`.
        max_pixels: as for `read_image`.

    Raises:
        DataError: as for `read_image`, or the values cannot be labels (fractions, half-transparent edges, CMYK, ...).
    """
    if path.suffix.lower() == ".npy":
        return _from_numpy(path, max_pixels, labels)
    if is_raster(path):
        return raster_labels(path, max_pixels)
    with opened(path, max_pixels) as picture:
        turn = orientation(picture)
        step = sample_step(picture)
        values = _decoded(picture, path, "mask", MASK)
    return _upright(values // step if step > 1 else values, turn)


def image_size(path: Path) -> tuple[int, int]:
    """Height and width of an image or mask after its EXIF orientation, from the header alone.

    Raises:
        DataError: the file is missing, not a picture, or its header is broken.
    """
    if path.suffix.lower() == ".npy":
        height, width = _mapped(path, sys.maxsize).shape[:2]
        return height, width
    if (tiff := read_tiff(path)) and tiff.is_raster:
        return tiff.size
    with opened(path, sys.maxsize) as picture:
        width, height = picture.size
        return (width, height) if orientation(picture) >= 5 else (height, width)


def mask_palette(path: Path) -> tuple[tuple[int, int, int], ...] | None:
    """The RGB colours of a palette file in the order of its indices, or None when the file has no palette.

    Raises:
        DataError: as for `image_size`.
    """
    if path.suffix.lower() == ".npy":
        return None
    if is_raster(path):
        return raster_info(path).palette
    with opened(path, sys.maxsize) as picture:
        if picture.mode not in ("P", "PA"):
            return None
        flat = picture.getpalette("RGB") or []
    return tuple((flat[i], flat[i + 1], flat[i + 2]) for i in range(0, len(flat), 3))


def is_raster(path: Path) -> bool:
    """Whether the file is a raster with a place on the Earth, a "no data" value, or bands that no picture has."""
    tiff = read_tiff(path)
    return tiff is not None and tiff.is_raster


def to_channels(image: Array, channels: int) -> Array:
    """Bring `(height, width, C)` to `channels`: grey is repeated, RGB becomes luma (Rec. 601), equal counts stay.

    Raises:
        DataError: any other change, which would drop or invent channels.
    """
    have = image.shape[2]
    if have == channels:
        return image
    if have == 1:
        return np.repeat(image, channels, axis=2)
    if have == 3 and channels == 1:
        luma = image @ np.array([0.299, 0.587, 0.114], np.float32)
        return (np.rint(luma).astype(np.uint8) if image.dtype == np.uint8 else luma)[..., None]
    raise DataError(f"expected an image with {channels} channels, got {have}; give images of one kind")


def _raster_pixels(path: Path, max_pixels: int, ranges: Ranges) -> tuple[Array, Missing | None]:
    values, missing = read_raster(path, max_pixels)
    return raster_pixels(values, missing, ranges, path), missing


def raster_labels(path: Path, max_pixels: int = MAX_PIXELS, window: Window | None = None) -> Array:
    """What `read_mask` gives for a raster, cut to `window` (left, upper, right, lower) without reading the rest."""
    values, missing = read_labels(path, max_pixels, window)
    try:
        if missing is None:
            return labels(values)
        return np.where(missing, np.int32(NODATA), labels(np.where(missing, values.dtype.type(0), values)))
    except RefusedError as refused:
        raise DataError(f"{path}: {refused}; export class numbers as uint8 or uint16") from None


def _decoded(picture: Image.Image, path: Path, what: str, table: dict[str, Convert]) -> Array:
    """Decode with the row of `table` for this picture's mode."""
    stored = ", ".join(sorted(raw_modes(picture))) or picture.mode
    convert = table.get(picture.mode)
    try:
        if convert is None:
            raise RefusedError(f"expected grey, palette or RGB pixels, got {picture.mode} (stored as {stored})")
        check_layout(picture, what)
        picture.load()
        return convert(picture)
    except RefusedError as refused:
        save = "an 8-bit RGB PNG or a .npy array" if what == "image" else "an 8-bit index PNG"
        raise DataError(f"{path}: {refused}; save this {what} as {save}") from None


def _upright(pixels: Array, turn: int) -> Array:
    """Apply an EXIF orientation: from 5 on the axes are swapped, then rows and columns are mirrored."""
    if turn >= 5:
        pixels = pixels.swapaxes(0, 1)
    rows, columns = _STEPS[turn]
    return np.ascontiguousarray(pixels[::rows, ::columns])


_STEPS = {1: (1, 1), 2: (1, -1), 3: (-1, -1), 4: (-1, 1), 5: (1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}


# --- .npy ------------------------------------------------------------------------------------------------------------


def _mapped(path: Path, max_pixels: int) -> Array:
    """The array of a `.npy` file, not yet read; pickled objects are refused."""
    try:
        array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path}: expected an array, found no such file") from None
    except BROKEN as error:
        raise DataError(f"{path}: expected a .npy array of numbers, cannot read it ({error}); save it again") from error
    if (
        not isinstance(array, np.ndarray)
        or array.ndim not in (2, 3)
        or 0 in array.shape
        or array.dtype.kind not in "buif"
    ):
        got = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else "an archive"
        raise DataError(f"{path}: expected numbers of shape (height, width) or (height, width, channels), got {got}")
    check_size(path, array.shape[0], array.shape[1], max_pixels)
    return array


def _from_numpy(path: Path, max_pixels: int, convert: Callable[[Array], Array]) -> Array:
    try:
        values = convert(np.array(_mapped(path, max_pixels)))
    except RefusedError as refused:
        raise DataError(f"{path}: {refused}; save the array with such values") from None
    return values


def _array_pixels(array: Array, ranges: Ranges) -> Array:
    pixels = array if array.ndim == 3 else array[..., None]
    return on_scale(pixels, ranges) if ranges else scaled(pixels)
