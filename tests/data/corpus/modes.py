"""Pixel types: grey, palette, alpha, CMYK, 16 bits, floats, arrays."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from corpus.base import Case, image_file, in_image, labels, picture, save
from corpus.contents import animated


def png_16bit_rgb(pixels: np.ndarray) -> bytes:
    """Pillow cannot write 16-bit colour; the format is four chunks."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels.astype(np.uint16) * 257)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiff(pixels: np.ndarray) -> bytes:
    """An uncompressed TIFF with any number of 8-bit channels."""
    height, width, channels = pixels.shape
    bits = struct.pack(f"<{channels}H", *[8] * channels)
    entries = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, channels, 122), (259, 3, 1, 1), (262, 3, 1, 1)]
    entries += [(273, 4, 1, 122 + len(bits)), (277, 3, 1, channels), (278, 3, 1, height), (279, 4, 1, pixels.size)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + directory + bits + pixels.tobytes()


def saved_as(mode: str, ending: str = ".png", **options) -> Callable[[Path], Path]:
    def plant(root: Path) -> Path:
        image_file(root).unlink()
        return save(image_file(root, f"img_3{ending}"), picture(3), mode=mode, **options)

    return plant


def array_as(array: np.ndarray, ending: str = ".png") -> Callable[[Path], Path]:
    def plant(root: Path) -> Path:
        image_file(root).unlink()
        return save(image_file(root, f"img_3{ending}"), array)

    return plant


def array_file(array: np.ndarray) -> Callable[[Path], Path]:
    def plant(root: Path) -> Path:
        image_file(root).unlink()
        np.save(image_file(root, "img_3.npy"), array)
        return image_file(root, "img_3.npy")

    return plant


def mode_cases() -> Iterator[Case]:
    colour = picture(3)
    grey, deep = colour[..., 0], colour[..., 0].astype(np.uint16) * 257
    half = np.dstack([colour, np.where(labels(3) > 0, 255, 90).astype(np.uint8)])
    opaque = np.dstack([colour, np.full(grey.shape, 255, np.uint8)])
    for mode in ("1", "L", "P", "RGB"):
        yield Case(f"mode {mode}", "", saved_as(mode))
    for mode in ("YCbCr", "LAB"):
        yield Case(f"mode {mode}", "", saved_as(mode, ".tif"))
    yield Case("opaque RGBA", "", array_as(opaque))
    yield Case("RGBA", "IMG_ALPHA", array_as(half))
    yield Case("LA", "IMG_ALPHA", in_image(lambda: _converted(half, "LA", "PNG")))
    yield Case("PA", "IMG_ALPHA", in_image(lambda: _converted(half, "PA", "TIFF"), ".tif"))
    yield Case("palette with a see-through entry", "IMG_ALPHA", saved_as("P", transparency=bytes([128] * 256)))
    yield Case("CMYK JPEG", "IMG_CMYK", saved_as("CMYK", ".jpg"))
    yield Case("CMYK TIFF", "IMG_CMYK", saved_as("CMYK", ".tif"))
    yield Case("16-bit grey PNG", "IMG_16BIT", array_as(deep))
    yield Case("16-bit grey TIFF, little-endian", "IMG_16BIT", array_as(deep, ".tif"))
    yield Case("16-bit grey TIFF, big-endian", "IMG_16BIT", array_as(deep.astype(">u2"), ".tif"))
    yield Case("16-bit RGB PNG", "IMG_16BIT", in_image(png_16bit_rgb(colour)))
    yield Case("12-bit range in 16 bits", "IMG_RANGE", array_as(deep >> 4))
    yield Case("32-bit whole numbers", "IMG_MODE", array_as(deep.astype(np.int32) * 9, ".tif"))
    yield Case("float in 0 to 1", "", array_as((grey / 255).astype(np.float32), ".tif"))
    yield Case("float in 0 to 255", "IMG_MODE", array_as(grey.astype(np.float32), ".tif"))
    yield Case("TIFF of two pages", "IMG_FRAMES", in_image(lambda: animated("TIFF"), ".tif"))
    yield Case("TIFF of five channels", "CHANNELS_DIFFER", in_image(tiff(np.dstack([colour, colour[..., :2]])), ".tif"))
    yield Case("array of five channels", "CHANNELS_DIFFER", array_file(np.dstack([colour, colour[..., :2]])))
    yield Case("grey array", "", array_file(grey))
    yield Case("one colour everywhere", "IMG_FLAT", array_as(np.full_like(colour, 255)))


def _converted(pixels: np.ndarray, mode: str, kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind)
    return file.getvalue()
