"""Pictures as tensors: read upright in sRGB, resized, and written in one step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Num
from PIL import Image
from torch import Tensor
from torch.nn import functional

from segue.data.image import MAX_PIXELS, read_image, to_channels
from segue.durable import write_durably
from segue.errors import DataError, UsageError
from segue.style.colour_profile import in_srgb

Picture = Float[Tensor, "1 3 height width"]
Pixels = Num[np.ndarray, "height width 3"]
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
# of Pillow; colour is kept at full resolution in a JPEG: brush strokes are fine coloured texture
SAVED_WITH: dict[str, dict[str, Any]] = {"PNG": {}, "JPEG": {"quality": 95, "subsampling": 0}}


def read_picture(path: Path, max_pixels: int = MAX_PIXELS) -> Float[Tensor, "1 3 height width"]:
    """Any picture Segue reads (`segue.data.image.read_image`), upright, in sRGB, float32 from 0 to 1; grey is repeated.

    Raises:
        DataError: it cannot be read, has pixels without data, or a number of channels other than 1 and 3.
    """
    return as_picture(read_pixels(path, max_pixels))


def read_pixels(path: Path, max_pixels: int = MAX_PIXELS) -> Pixels:
    """The same as an array of values from 0 to 255 in as few bytes as the file has: uint8, or float32 for 16 bits."""
    pixels = read_image(path, max_pixels)
    if pixels.shape[2] not in (1, 3):
        raise DataError(f"{path}: expected a grey or RGB picture, got {pixels.shape[2]} channels; export it as RGB")
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise DataError(f"{path}: expected a value in every pixel, got pixels without data; fill or crop them")
    return to_channels(in_srgb(pixels, path, max_pixels), 3)


def as_picture(pixels: Pixels) -> Float[Tensor, "1 3 height width"]:
    """Pixels from 0 to 255 as a picture from 0 to 1."""
    planes = torch.from_numpy(np.require(pixels, None, ["C", "W"])).permute(2, 0, 1).contiguous()
    return (planes / 255).float()[None]  # divided last: of large pictures most of the time goes into moving floats


def write_picture(path: Path, picture: Float[Tensor, "1 3 height width"]) -> None:
    """Write values from 0 to 1, clipped and rounded to 8 bits, as PNG or JPEG: the old file or the new, never half.

    Raises:
        UsageError: the ending is none of .png, .jpg and .jpeg.
        RunError: the file cannot be written.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"{path}: expected a picture ending in {', '.join(FORMATS)}, got {path.suffix or 'no ending'}")
    image = Image.fromarray(eight_bits(picture))
    write_durably(
        path, lambda temporary: image.save(temporary, kind, **SAVED_WITH[kind]), image.width * image.height * 3
    )


def eight_bits(picture: Float[Tensor, "1 3 height width"]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The picture as an array (height, width, 3) of whole numbers from 0 to 255."""
    values = (picture[0].detach().float().clamp(0, 1) * 255).round().to(torch.uint8)
    return np.ascontiguousarray(values.permute(1, 2, 0).cpu().numpy())


def size_within(height: int, width: int, side: int) -> tuple[int, int]:
    """Height and width with `side` as the longer of the two and the ratio kept; at least one pixel each.

    >>> size_within(600, 800, 400)
    (300, 400)
    """
    longest = max(height, width)
    return max(1, round(height * side / longest)), max(1, round(width * side / longest))


def resized(picture: Float[Tensor, "1 3 _ _"], size: tuple[int, int]) -> Float[Tensor, "1 3 height width"]:
    """The picture at another height and width: bicubic, smoothed where it shrinks, clipped to 0 to 1."""
    if tuple(picture.shape[2:]) == size:
        return picture
    return functional.interpolate(picture, size, mode="bicubic", antialias=True).clamp(0, 1)
