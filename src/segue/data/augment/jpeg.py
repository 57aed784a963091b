"""JPEG compression of a random quality."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WORST, BEST = 30, 95  # quality on the scale of libjpeg


def jpeg(image: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.float32]:
    """Encode and decode with a quality drawn from 30 to 95.

    Three channels are compressed as a colour picture, with chroma at half the resolution; any other number as so many
    grey ones. The pixels are rounded to whole numbers.
    """
    quality = int(generator.integers(WORST, BEST, endpoint=True))
    pixels = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    if image.shape[2] == 3:
        return compressed(pixels, quality)
    return np.stack([compressed(pixels[..., band], quality) for band in range(image.shape[2])], axis=2)


def compressed(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.float32]:
    """What is left of uint8 pixels, (H, W) or (H, W, 3), after a JPEG of this quality."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", quality=quality)
    with Image.open(file, formats=("JPEG",)) as picture:
        return np.asarray(picture, np.float32)
