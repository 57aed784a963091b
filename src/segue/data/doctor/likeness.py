"""A picture reduced to 96 x 96 grey levels: what is kept of it to be compared with others later."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 96
CONTRAST = 1.5  # standard deviation of the grey levels (0-255) below which a picture is too plain to compare

Likeness = bytes


def likeness(pixels: NDArray[Any]) -> Likeness | None:
    """Reduce `(height, width, channels)` on the 0-255 scale to `SIDE` x `SIDE` bytes; None when it is too plain."""
    grey = pixels.mean(axis=2, dtype=np.float32) if pixels.shape[2] > 1 else pixels[..., 0].astype(np.float32)
    small = np.asarray(Image.fromarray(grey).resize((SIDE, SIDE), Image.Resampling.BOX))
    if small.std() < CONTRAST:
        return None
    levels: NDArray[np.uint8] = np.clip(np.rint(small), 0, 255).astype(np.uint8)
    return levels.tobytes()
