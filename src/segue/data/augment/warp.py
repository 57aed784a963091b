"""Rotation, elastic deformation and grid distortion in one resampling of the image and one of the labels.

Each bends the positions the crop's pixels are read from, none the pixels: points of the crop go through the elastic
field, then through the grid, are rotated, and land in the image. There the image is read bilinearly and the labels by
nearest neighbour, from the same point.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from segue.configs import AugmentConfig
from segue.data.augment.elastic import elastic
from segue.data.augment.grid import grid
from segue.data.augment.rotate import rotate
from segue.data.augment.view import Labels, Pixels, View
from segue.data.classes import IGNORE
from segue.data.geometry import Box, resize_image

SHRINK_FROM = 1.25  # pixels of the image per pixel of the crop from which reading one point each would show stairs

Places = NDArray[np.float32]


def warp(
    image: Pixels,
    labels: Labels,
    size: tuple[int, int],
    box: Box,
    angle: float,
    config: AugmentConfig,
    generator: np.random.Generator,
) -> View:
    """What a window shows when it is turned by `angle` about its centre and bent as `config` says."""
    left, top, right, bottom = box
    step = (right - left) / size[1]
    x = (np.arange(size[1], dtype=np.float32) + np.float32(0.5 - size[1] / 2))[None]
    y = (np.arange(size[0], dtype=np.float32) + np.float32(0.5 - size[0] / 2))[:, None]
    if config.elastic:
        x, y = elastic(x, y, size, config.elastic, generator)
    if config.grid:
        x, y = grid(x, y, size, config.grid, generator)
    x, y = rotate(x, y, angle)
    x, y = np.broadcast_arrays(x * step + (left + right) / 2, y * step + (top + bottom) / 2)
    return read(image, labels, x.astype(np.float32), y.astype(np.float32), step)


def read(image: Pixels, labels: Labels, x: Places, y: Places, step: float) -> View:
    """Image and labels at the places (x, y), in pixels of the image, (0, 0) being its upper left corner.

    `step` is the distance between neighbouring places. Where it is large, the image is shrunk first with an antialiased
    filter; the labels never are.
    """
    height, width = labels.shape
    column, row = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    flat = np.clip(row, 0, height - 1) * width + np.clip(column, 0, width - 1)
    found = np.where(inside, labels.ravel().take(flat), np.uint8(IGNORE))
    pixels = _bilinear(image, x, y, step)
    return View(pixels if inside.all() else pixels * inside[..., None], found, inside)


def _bilinear(image: Pixels, x: Places, y: Places, step: float) -> NDArray[np.float32]:
    left, right = _span(x, image.shape[1], step)
    top, bottom = _span(y, image.shape[0], step)
    region = image[top:bottom, left:right]
    if step > SHRINK_FROM:
        shrunk = max(1, round((bottom - top) / step)), max(1, round((right - left) / step))
        region = resize_image(region, shrunk)
    # grid_sample counts from -1 to 1 over the region, whatever its number of pixels; one image keeps it in one thread
    places = np.stack([(x - left) * (2 / (right - left)) - 1, (y - top) * (2 / (bottom - top)) - 1], axis=-1)
    planes = torch.from_numpy(np.array(region.transpose(2, 0, 1), dtype=np.float32, order="C"))
    sampled = torch.nn.functional.grid_sample(
        planes[None], torch.from_numpy(places)[None], mode="bilinear", padding_mode="border", align_corners=False
    )
    return np.ascontiguousarray(sampled[0].numpy().transpose(1, 2, 0))


def _span(places: Places, length: int, step: float) -> tuple[int, int]:
    """The part of an axis that is needed to read at `places`, at least one pixel long."""
    margin = 2 * max(1.0, step)
    low = min(max(0, math.floor(float(places.min()) - margin)), length - 1)
    high = max(min(length, math.ceil(float(places.max()) + margin)), low + 1)
    return low, high
