"""Pictures to put a mark in, and what is done to them, for the tests of rights."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from segue.demo.scene import scene

BILINEAR, BICUBIC = Image.Resampling.BILINEAR, Image.Resampling.BICUBIC


@functools.cache
def picture(kind, height=256, width=256):
    """A picture (height, width, 3) of a kind, always the same; not to be written to, since it is kept."""
    pixels = _made(kind, height, width)
    pixels.flags.writeable = False
    return pixels


def _made(kind, height, width):
    draw = np.random.default_rng(5)
    if kind == "scene":
        return scene(3, "source", 11, (height, width)).image
    if kind == "noise":
        return draw.integers(0, 256, (height, width, 3), dtype=np.uint8)
    if kind == "gradient":
        ramp = np.linspace(20, 235, width)[None, :, None] * np.array([1.0, 0.8, 0.5])
        return np.broadcast_to(np.rint(ramp), (height, width, 3)).astype(np.uint8)
    return np.full((height, width, 3), {"black": 0, "grey": 128, "white": 255}[kind], np.uint8)


KINDS = ("scene", "noise", "gradient", "black", "grey", "white")


def jpeg(pixels, quality):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def resized(pixels, factor, method):
    height, width = (round(side * factor) for side in pixels.shape[:2])
    return np.asarray(Image.fromarray(pixels).resize((width, height), method))


def psnr(before, after):
    return 10 * np.log10(255**2 / np.square(before.astype(float) - after).mean())


def png_with(path, text, key="segue-style-record", pixels=None):
    """A PNG file with a text in its metadata, as any program may write one."""
    metadata = PngInfo()
    metadata.add_itxt(key, text)
    Image.fromarray(picture("grey", 16, 16) if pixels is None else pixels).save(path, pnginfo=metadata)
    return path
