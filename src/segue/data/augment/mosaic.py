"""Mosaic: a crop made of parts of four samples (after YOLOv4, https://arxiv.org/abs/2004.10934)."""

from __future__ import annotations

import numpy as np

from segue.configs import AugmentConfig
from segue.data.augment.crop import take
from segue.data.augment.pool import Pool
from segue.data.augment.source import Source
from segue.data.augment.view import View

CENTRE = (0.25, 0.75)  # where the four parts meet, as a share of the crop's sides


def mosaic(
    source: Source,
    size: tuple[int, int],
    config: AugmentConfig,
    generator: np.random.Generator,
    pool: Pool,
    focus: int | None = None,
) -> View:
    """Four parts around a random point: one of this sample, in a random corner, and three of others.

    YOLOv4 shrinks four whole images to fit; here each part is a window at the pixel scale of an ordinary crop, so
    things keep their size and only their surroundings change. The sample's own part is laid around the class `focus`.
    """
    row = round(size[0] * generator.uniform(*CENTRE))
    column = round(size[1] * generator.uniform(*CENTRE))
    own = int(generator.integers(4))
    canvas = View(np.empty((*size, source.channels), np.float32), np.empty(size, np.uint8), np.empty(size, np.bool_))
    for corner in range(4):
        rows = slice(0, row) if corner < 2 else slice(row, size[0])
        columns = slice(0, column) if corner % 2 == 0 else slice(column, size[1])
        sample = source if corner == own else pool.other(generator)
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        part = take(sample, shape, config, generator, whole=size, focus=focus if corner == own else None)
        canvas.put(part, rows, columns)
    return canvas
