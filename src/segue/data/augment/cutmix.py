"""CutMix: a rectangle of the crop is replaced by a part of another sample (https://arxiv.org/abs/1905.04899)."""

from __future__ import annotations

import math

import numpy as np

from segue.configs import AugmentConfig
from segue.data.augment.crop import take
from segue.data.augment.pool import Pool
from segue.data.augment.view import View

ALPHA = 1.0  # of the Beta distribution the replaced share is drawn from; 1 is uniform, the paper's choice


def cutmix(view: View, config: AugmentConfig, generator: np.random.Generator, pool: Pool) -> View:
    """Put a part of another sample, its labels with it, into a random rectangle.

    The paper moves rectangles over the border and cuts them off, which makes them smaller than drawn; here they lie
    inside, so the replaced share follows Beta(1, 1). Labels are dense, so no label is mixed.
    """
    rows, columns = cutmix_rectangle(view.size, generator)
    size = (rows.stop - rows.start, columns.stop - columns.start)
    if 0 in size:
        return view
    part = take(pool.other(generator), size, config, generator, whole=view.size)
    mixed = view.copy()
    mixed.put(part, rows, columns)
    return mixed


def cutmix_rectangle(shape: tuple[int, int], generator: np.random.Generator) -> tuple[slice, slice]:
    """A rectangle with the aspect ratio of `shape` and a share of its area from Beta(1, 1), anywhere inside."""
    side = math.sqrt(generator.beta(ALPHA, ALPHA))
    height, width = round(shape[0] * side), round(shape[1] * side)
    top = int(generator.integers(shape[0] - height, endpoint=True))
    left = int(generator.integers(shape[1] - width, endpoint=True))
    return slice(top, top + height), slice(left, left + width)
