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
from segue.data.augment.source import Source
from segue.data.augment.view import Pixels, View
from segue.data.classes import IGNORE
from segue.data.geometry import Box, resize_image

SHRINK_FROM = 1.25  # pixels of the image per pixel of the crop from which reading one point each would show stairs

Places = NDArray[np.float32]


def warp(
    source: Source,
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
    return read(source, x.astype(np.float32), y.astype(np.float32), step)


def read(source: Source, x: Places, y: Places, step: float) -> View:
    """Image and labels at the places (x, y), in pixels of the image, (0, 0) being its upper left corner.

    `step` is the distance between neighbouring places. Where it is large, the image is shrunk first with an antialiased
    filter; the labels never are.
    """
    height, width = source.size
    column, row = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    rows, columns = _span(y, height, step), _span(x, width, step)
    image, labels = source.part(rows, columns)
    down, across = (row - rows.start).clip(0, len(labels) - 1), (column - columns.start).clip(0, labels.shape[1] - 1)
    found = np.where(inside, labels[down, across], np.uint8(IGNORE))
    pixels = _bilinear(image, x - columns.start, y - rows.start, step)
    return View(pixels if inside.all() else pixels * inside[..., None], found, inside)


def _bilinear(image: Pixels, x: Places, y: Places, step: float) -> NDArray[np.float32]:
    height, width = image.shape[:2]
    if step > SHRINK_FROM:
        image = resize_image(image, (max(1, round(height / step)), max(1, round(width / step))))
    # grid_sample counts from -1 to 1 over the image, whatever its number of pixels; one image keeps it in one thread
    places = np.stack([x * (2 / width) - 1, y * (2 / height) - 1], axis=-1)
    planes = torch.from_numpy(np.array(image.transpose(2, 0, 1), dtype=np.float32, order="C"))
    sampled = torch.nn.functional.grid_sample(
        planes[None], torch.from_numpy(places)[None], mode="bilinear", padding_mode="border", align_corners=False
    )
    return np.ascontiguousarray(sampled[0].numpy().transpose(1, 2, 0))


def _span(places: Places, length: int, step: float) -> slice:
    """The part of an axis that is needed to read at `places`, at least one pixel long."""
    margin = 2 * max(1.0, step)
    low = min(max(0, math.floor(float(places.min()) - margin)), length - 1)
    high = max(min(length, math.ceil(float(places.max()) + margin)), low + 1)
    return slice(low, high)
