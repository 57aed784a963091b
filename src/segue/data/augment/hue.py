"""Random shift of the hue, for images of three channels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]


def shift_hue(image: NDArray[np.float32], strength: float, generator: np.random.Generator) -> NDArray[np.float32]:
    """Turn all hues by the same random angle, at most `strength` of the colour circle to either side.

    Saturation and value of the HSV hexcone stay as they are: the result equals `colorsys.hsv_to_rgb` of the shifted
    hue. An image of any other number of channels has no hue and is left alone.
    """
    if strength == 0 or image.shape[2] != 3:
        return image
    return turned(image, float(generator.uniform(-strength, strength)))


def turned(image: NDArray[np.float32], angle: float) -> NDArray[np.float32]:
    """RGB (H, W, 3) with every hue turned by `angle` (1 is the full circle, red to green is 1/3)."""
    red, green, blue = image[..., 0], image[..., 1], image[..., 2]
    value = np.maximum(np.maximum(red, green), blue)
    chroma = value - np.minimum(np.minimum(red, green), blue)
    place = _place(red, green, blue, value, chroma) + np.float32(6 * (angle % 1))
    place -= 6 * np.floor(place / 6)
    result = np.empty_like(image)
    for channel, centre in enumerate((0, 2, 4)):
        away = np.abs(place - centre)  # the channel is full up to a sixth of the circle away from it, then fades
        result[..., channel] = value - chroma * np.clip(np.minimum(away, 6 - away) - 1, 0, 1)
    return result


def _place(red: Plane, green: Plane, blue: Plane, value: Plane, chroma: Plane) -> Plane:
    """The hue in sixths of the circle, 0 for red; anything where there is no colour."""
    unit = np.maximum(chroma, np.float32(1e-6))
    after_red, after_green, after_blue = (green - blue) / unit, 2 + (blue - red) / unit, 4 + (red - green) / unit
    return np.where(value == red, after_red, np.where(value == green, after_green, after_blue))
