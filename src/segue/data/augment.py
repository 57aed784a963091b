"""Random changes of a training image; its labels move along, and are only ever resampled by nearest neighbour."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from segue.configs import AugmentConfig
from segue.data.classes import IGNORE
from segue.data.geometry import Box, fitting_scale, resize_image, resize_labels


def augment(
    image: NDArray[np.generic],
    labels: NDArray[np.uint8],
    size: tuple[int, int],
    config: AugmentConfig,
    generator: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.bool_]]:
    """Cut, flip and recolour one sample.

    Returns the crop as float32 (H, W, C) on the 0-255 scale, its labels (H, W), and where the crop lies inside the
    image (padding is labelled `IGNORE` and carries no image).
    """
    share = math.exp(generator.uniform(math.log(config.scale[0]), math.log(config.scale[1])))
    box = random_box(labels.shape[0], labels.shape[1], size, share, generator)
    crop, crop_labels, inside = cut(image, labels, size, box)
    if generator.random() < config.flip:
        crop, crop_labels, inside = crop[:, ::-1], crop_labels[:, ::-1], inside[:, ::-1]
    return recolour(crop.astype(np.float32), inside, config.colour, generator), crop_labels, inside


def random_box(height: int, width: int, size: tuple[int, int], share: float, generator: np.random.Generator) -> Box:
    """A window with the aspect ratio of `size`, `share` times as long as one with the image's area; may stick out."""
    scale = fitting_scale(height, width, size) / share
    window_height, window_width = size[0] / scale, size[1] / scale
    top = _offset(height, window_height, generator)
    left = _offset(width, window_width, generator)
    return left, top, left + window_width, top + window_height


def _offset(length: int, window: float, generator: np.random.Generator) -> float:
    # a window longer than the image is placed so that it holds all of the image
    low, high = min(0.0, length - window), max(0.0, length - window)
    return float(generator.uniform(low, high))


def cut(
    image: NDArray[np.generic], labels: NDArray[np.uint8], size: tuple[int, int], box: Box
) -> tuple[NDArray[np.generic], NDArray[np.uint8], NDArray[np.bool_]]:
    """The part of image and labels inside `box`, resized to `size`; what lies outside the image is padding."""
    height, width = labels.shape
    left, top, right, bottom = box
    to_x, to_y = size[1] / (right - left), size[0] / (bottom - top)
    inner = (max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height)))
    x0, x1 = round((inner[0] - left) * to_x), round((inner[2] - left) * to_x)
    y0, y1 = round((inner[1] - top) * to_y), round((inner[3] - top) * to_y)
    x0, y0 = min(x0, size[1] - 1), min(y0, size[0] - 1)
    x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)  # a sliver of an image still gives one row or column
    target = (y1 - y0, x1 - x0)
    if target == size:
        return resize_image(image, size, inner), resize_labels(labels, size, inner), np.ones(size, dtype=bool)
    canvas = np.zeros((*size, image.shape[2]), dtype=image.dtype)
    canvas_labels = np.full(size, IGNORE, dtype=np.uint8)
    inside = np.zeros(size, dtype=bool)
    canvas[y0:y1, x0:x1] = resize_image(image, target, inner)
    canvas_labels[y0:y1, x0:x1] = resize_labels(labels, target, inner)
    inside[y0:y1, x0:x1] = True
    return canvas, canvas_labels, inside


def recolour(
    image: NDArray[np.float32], inside: NDArray[np.bool_], strength: float, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Random brightness, contrast and (for three channels) saturation, each within a factor of 1 ± `strength`.

    Contrast changes around the mean of the pixels `inside`; padding does not count.
    """
    brightness, contrast, saturation = 1 + generator.uniform(-strength, strength, size=3)
    if strength == 0:
        return image
    image = image * np.float32(brightness)
    centre = image[inside].mean()
    image = (image - centre) * np.float32(contrast) + centre
    if image.shape[2] == 3:
        grey = image @ np.array([[0.299], [0.587], [0.114]], dtype=np.float32)
        image = grey + (image - grey) * np.float32(saturation)
    clipped: NDArray[np.float32] = np.clip(image, 0, 255, dtype=np.float32)
    return clipped
