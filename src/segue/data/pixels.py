"""Two explicit tables, from how a file stores a pixel to what the array holds: one for images, one for masks.

Pillow turns pixels that do not fit into others without a word: 16 bits are cut off at 255, a fifth channel is dropped,
transparent red becomes red, a 2-bit mask is stretched to 0, 85, 170, 255. Here every kind of pixel has a row, with the
change it undergoes, or is refused.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import TiffImageFile

Array = NDArray[Any]
Convert = Callable[[Image.Image], Array]


class RefusedError(Exception):
    """A pixel that has no faithful value in the array; carries what was expected and got."""


def raw_modes(picture: Image.Image) -> set[str]:
    """How the file lays out its pixels, as Pillow's decoders name it: `RGB;16B`, `L;2`, ..."""
    arguments = (tile[3] for tile in getattr(picture, "tile", None) or ())
    return {str(a[0] if isinstance(a, tuple) and a else a) for a in arguments}


def check_layout(picture: Image.Image, what: str) -> None:
    """Refuse what Pillow would decode to something else: channels it drops, signs and inversions it forgets."""
    stored = raw_modes(picture)
    if what == "mask" and is_wide(picture):
        raise RefusedError("expected 8 bits per colour, got 16")
    if cut := [raw for raw in stored if raw in ("LA;16B", "I;12") or raw.startswith(("CMYK;16", "RGBa;16"))]:
        raise RefusedError(f"expected 8-bit pixels or 16-bit grey or RGB ones, got {cut[0]}")
    if not isinstance(picture, TiffImageFile):
        return
    if any("X" in raw for raw in stored):
        raise RefusedError(f"expected 1, 3 or 4 channels, got {len(picture.tag_v2.get(258, ()))}")
    if picture.tag_v2.get(262) == 0 and picture.mode not in ("1", "L"):
        raise RefusedError("expected 0 to be black, got a 16-bit or float TIFF in which 0 is white")
    if 2 in picture.tag_v2.get(339, ()) and picture.mode == "L":
        raise RefusedError("expected unsigned pixels, got signed 8-bit ones")


def sample_step(picture: Image.Image) -> int:
    """Pillow stretches 2- and 4-bit grey to 0-255; dividing by this gives back the numbers in the file."""
    stored = "".join(raw_modes(picture))
    return 85 if stored.startswith("L;2") else 17 if stored.startswith("L;4") else 1


# --- 16-bit colour, which Pillow has no mode for: decoded once for the high bytes and once for the low ones -----------

_OTHER_BYTE = {"16B": "16L", "16L": "16B", "16N": "16B" if sys.byteorder == "little" else "16L"}


def is_wide(picture: Image.Image) -> bool:
    """Whether the file holds RGB or RGBA with 16 bits per channel."""
    stored = raw_modes(picture)
    mode, _, depth = next(iter(stored), "").partition(";")
    return len(stored) == 1 and mode in WIDE_IMAGE and depth in _OTHER_BYTE


def high_bytes(picture: Image.Image) -> Array:
    """What Pillow decodes 16-bit colour to: the upper half of every number."""
    return np.asarray(picture, np.float32)


def low_bytes(picture: Image.Image) -> Array:
    """The lower half: decode as if the file had the other byte order. `picture` is freshly opened."""
    mode, _, depth = next(iter(raw_modes(picture))).partition(";")
    other = f"{mode};{_OTHER_BYTE[depth]}"
    picture.tile = [  # type: ignore[attr-defined]
        tile._replace(args=(other, *tile.args[1:]) if isinstance(tile.args, tuple) else other)
        for tile in picture.tile  # type: ignore[attr-defined]
    ]
    picture.load()
    return np.asarray(picture, np.float32)


WIDE_IMAGE: dict[str, Convert] = {"RGB": high_bytes, "RGBA": high_bytes}


# --- table 1: images -------------------------------------------------------------------------------------------------


def blended(pixels: Array) -> Array:
    """`(H, W, colour + alpha)` over black, in the type it came in."""
    colour, alpha = pixels[..., :-1], pixels[..., -1:]
    if (alpha == 255).all():
        return colour
    mixed = colour * (alpha / np.float32(255))
    return np.rint(mixed).astype(np.uint8) if pixels.dtype == np.uint8 else mixed


def _plain(picture: Image.Image) -> Array:
    if "transparency" in picture.info:  # one colour, or palette entries, declared see-through
        return blended(np.array(picture.convert("LA" if picture.mode == "L" else "RGBA")))
    return np.array(picture.convert("RGB") if picture.mode == "P" else picture)


def _alpha(picture: Image.Image) -> Array:
    return blended(np.array(picture.convert("RGBA") if picture.mode == "PA" else picture))


def _as_rgb(picture: Image.Image) -> Array:
    return np.array(picture.convert("RGB"))


def _lab(picture: Image.Image) -> Array:
    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(picture, lab, rgb, outputMode="RGB")
    return np.array(converted)


def scaled(pixels: Array) -> Array:
    """8-bit pixels as they are, others as float32 on the 0-255 scale."""
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.bool_:
        return pixels * np.uint8(255)
    low, high = (float(pixels.min()), float(pixels.max())) if pixels.size else (0.0, 0.0)
    if np.issubdtype(pixels.dtype, np.floating):
        if not (low >= 0 and high <= 1):
            raise RefusedError(f"expected floats in 0 to 1, got {low:g} to {high:g}")
        return (pixels * 255).astype(np.float32)
    if pixels.dtype.itemsize == 1 or not (low >= 0 and high <= 65535):
        raise RefusedError(f"expected 8- or 16-bit unsigned pixels, got {pixels.dtype} values {low:g} to {high:g}")
    return pixels.astype(np.float32) / np.float32(257)


def _scaled_picture(picture: Image.Image) -> Array:
    return scaled(np.array(picture))


IMAGE: dict[str, Convert] = {
    "1": _scaled_picture,
    "L": _plain,
    "LA": _alpha,
    "P": _plain,
    "PA": _alpha,
    "RGB": _plain,
    "RGBA": _alpha,
    "CMYK": _as_rgb,
    "YCbCr": _as_rgb,
    "LAB": _lab,
    "I;16": _scaled_picture,
    "I;16B": _scaled_picture,
    "I": _scaled_picture,
    "F": _scaled_picture,
}


# --- table 2: masks --------------------------------------------------------------------------------------------------


def labels(values: Array) -> Array:
    """Whole numbers to 65535 as uint8 where they fit, else uint16; booleans as 0 and 255; RGB triples as uint8."""
    if values.dtype == np.bool_:
        return values * np.uint8(255)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.ndim == 3 and values.shape[2] != 3:
        raise RefusedError(f"expected one value or three per pixel, got {values.shape[2]}")
    if values.dtype == np.uint8:
        return values
    low, high = (values.min(), values.max()) if values.size else (0, 0)
    largest = 65535 if values.ndim == 2 else 255
    if not (low >= 0 and high <= largest and (values == np.floor(values)).all()):
        raise RefusedError(f"expected whole numbers from 0 to {largest}, got {values.dtype} values {low:g} to {high:g}")
    return values.astype(np.uint8 if high <= 255 else np.uint16)


def _labels_picture(picture: Image.Image) -> Array:
    return labels(np.array(picture))


def _cut_out(picture: Image.Image) -> Array:
    """Values beside an alpha channel: transparent pixels are 0, opaque ones keep their value, others are no labels."""
    pixels = np.array(picture)
    values, alpha = pixels[..., :-1], pixels[..., -1:]
    if ((alpha > 0) & (alpha < 255)).any():
        raise RefusedError("expected a mask that is opaque or transparent, got half-transparent pixels")
    return labels(values * (alpha == 255))


def _indices(picture: Image.Image) -> Array:
    return _cut_out(picture) if picture.mode == "PA" else np.array(picture)


MASK: dict[str, Convert] = {
    "1": _labels_picture,
    "L": _labels_picture,
    "LA": _cut_out,
    "P": _indices,
    "PA": _indices,
    "RGB": _labels_picture,
    "RGBA": _cut_out,
    "I;16": _labels_picture,
    "I;16B": _labels_picture,
    "I": _labels_picture,
    "F": _labels_picture,
}
