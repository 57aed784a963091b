"""Random scale and crop: a window of random size and place, brought to the size of the crop.

Where nothing is rotated or bent, the window is cut and resized in one call, with an antialiased filter. Mirroring and
turning by quarters move whole pixels.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from segue.configs import AugmentConfig
from segue.data.augment.flip import flip, random_quarters, turn
from segue.data.augment.rotate import random_angle
from segue.data.augment.source import Source, part_for
from segue.data.augment.view import Labels, Pixels, View
from segue.data.augment.warp import warp
from segue.data.augment.window import box_around, random_box
from segue.data.classes import IGNORE
from segue.data.geometry import Box, fitting_scale, resize_image, resize_labels


def take(
    source: Source,
    size: tuple[int, int],
    config: AugmentConfig,
    generator: np.random.Generator,
    *,
    whole: tuple[int, int] | None = None,
    focus: int | None = None,
) -> View:
    """A crop of `size` at a random scale and place, mirrored, turned and bent as `config` says.

    The side of the window it shows is a share of the image's, drawn log-uniformly from `config.scale`; the window has
    the crop's aspect ratio, so "side" means the root of the area. A part of a crop (mosaic, CutMix) has the pixel scale
    of the `whole` it becomes part of: things are as large in it as in any other crop.

    With `focus`, the window holds a random pixel of that class, where the sample has it.
    """
    height, width = source.size
    share = math.exp(generator.uniform(math.log(config.scale[0]), math.log(config.scale[1])))
    scale = fitting_scale(height, width, whole or size) / share
    quarters = random_quarters(config.quarter_turn, generator)
    upright = size if quarters % 2 == 0 else (size[1], size[0])
    angle = random_angle(config.rotate, generator)
    window = (upright[0] / scale, upright[1] / scale)
    place = None if focus is None else source.place(focus, generator)
    if place is None:
        box = random_box((height, width), window, generator, angle)
    else:
        box = box_around(place, (height, width), window, generator, angle)
    if angle or config.elastic or config.grid:
        view = warp(source, upright, box, angle, config, generator)
    else:
        crop, crop_labels, inside = cut(source, upright, box)
        view = View(crop.astype(np.float32), crop_labels, inside)
    return turn(flip(view, config.flip, config.flip_vertical, generator), quarters)


def cut(source: Source, size: tuple[int, int], box: Box) -> tuple[Pixels, Labels, NDArray[np.bool_]]:
    """Image and labels inside `box`, resized to `size`, and where they are; the rest is padding: 0 and `IGNORE`."""
    height, width = source.size
    left, top, right, bottom = box
    to_x, to_y = size[1] / (right - left), size[0] / (bottom - top)
    inner = (max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height)))
    x0, x1 = round((inner[0] - left) * to_x), round((inner[2] - left) * to_x)
    y0, y1 = round((inner[1] - top) * to_y), round((inner[3] - top) * to_y)
    x0, y0 = min(x0, size[1] - 1), min(y0, size[0] - 1)
    x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)  # a sliver of an image still gives one row or column
    target = (y1 - y0, x1 - x0)
    image, labels, inner = part_for(source, inner, target)
    if target == size:
        return resize_image(image, size, inner), resize_labels(labels, size, inner), np.ones(size, dtype=bool)
    canvas = np.zeros((*size, source.channels), dtype=image.dtype)
    canvas_labels = np.full(size, IGNORE, dtype=np.uint8)
    inside = np.zeros(size, dtype=bool)
    canvas[y0:y1, x0:x1] = resize_image(image, target, inner)
    canvas_labels[y0:y1, x0:x1] = resize_labels(labels, target, inner)
    inside[y0:y1, x0:x1] = True
    return canvas, canvas_labels, inside
