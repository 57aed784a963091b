"""What may be given as an image: a path, a Pillow picture, an array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from segue.data.image import read_with_missing
from segue.data.pixels import IMAGE, RefusedError, scaled
from segue.data.scale import Missing, Ranges, on_scale, where_marked
from segue.errors import DataError

Accepted = Path | str | Image.Image | NDArray[Any]


def as_pixels(image: Accepted, ranges: Ranges = ()) -> tuple[NDArray[Any], Missing | None]:
    """Decode or check `image`; gives (height, width, channels) on the 0-255 scale, and the pixels without data.

    Arrays are (H, W) or (H, W, C): uint8, uint16 (0-65535), booleans, or floats in 0 to 1. Wider integers are refused,
    since nothing tells whether 255 or 65535 is their white. Pictures and files are turned upright by their EXIF tag.

    With `ranges`, for models trained on rasters of other numbers, images are such rasters, or arrays of the numbers
    they hold, NaN standing for "no data".
    """
    if isinstance(image, (str, Path)):
        return read_with_missing(Path(image), ranges=ranges)
    if isinstance(image, Image.Image):
        if ranges:
            raise DataError("expected a raster like those the model was trained on, got a picture; give a GeoTIFF")
        return _from_picture(image), None
    if isinstance(image, np.ndarray):
        pixels = _from_array(image, ranges)
        return pixels, where_marked(pixels)
    raise DataError(f"expected a path, a Pillow picture or a numpy array, got {type(image).__name__}")


def _from_picture(picture: Image.Image) -> NDArray[Any]:
    upright = ImageOps.exif_transpose(picture)
    convert = IMAGE.get(upright.mode)
    if convert is None or 0 in upright.size:
        raise DataError(f"expected a grey, palette or colour picture, got mode {upright.mode}, size {upright.size}")
    try:
        pixels = convert(upright)
    except RefusedError as refused:
        raise DataError(f"{refused}; save the picture to a file and give its path") from None
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _from_array(array: NDArray[Any], ranges: Ranges) -> NDArray[Any]:
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise DataError(f"expected an array (height, width) or (height, width, channels), got shape {array.shape}")
    if ranges:
        return on_scale(array if array.ndim == 3 else array[..., None], ranges)
    if array.dtype.kind not in "bf" and array.dtype not in (np.uint8, np.uint16):
        raise DataError(f"expected uint8, uint16 or floats in 0 to 1, got {array.dtype}: convert it with .astype")
    try:
        pixels = scaled(array)
    except RefusedError as refused:
        raise DataError(f"{refused}; divide the array by its white value") from None
    return pixels if pixels.ndim == 3 else pixels[..., None]
