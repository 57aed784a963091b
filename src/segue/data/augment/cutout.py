"""Cutout: a random rectangle is blotted out (https://arxiv.org/abs/1708.04552, https://arxiv.org/abs/1708.04896)."""

from __future__ import annotations

import math

import numpy as np

from segue.data.augment.view import View
from segue.data.classes import IGNORE

AREA = (0.02, 0.2)  # share of the crop
ASPECT = (0.3, 3.3)  # height by width


def cutout(view: View, generator: np.random.Generator) -> View:
    """Take the image away in a rectangle of 2 to 20 % of the crop, as if it were padding.

    Its pixels are labelled `IGNORE`: the network learns to do without the context, not to guess what it cannot see (as
    https://arxiv.org/abs/1906.01916 does for segmentation; the papers above are about classification).
    """
    rows, columns = random_rectangle(view.size, generator)
    blotted = view.copy()
    blotted.image[rows, columns] = 0
    blotted.labels[rows, columns] = IGNORE
    blotted.inside[rows, columns] = False
    return blotted


def random_rectangle(shape: tuple[int, int], generator: np.random.Generator) -> tuple[slice, slice]:
    """A rectangle of random area, aspect ratio and place inside `shape`; as long as a side at most."""
    area = generator.uniform(*AREA) * shape[0] * shape[1]
    aspect = math.exp(generator.uniform(math.log(ASPECT[0]), math.log(ASPECT[1])))
    height = min(shape[0], max(1, round(math.sqrt(area * aspect))))
    width = min(shape[1], max(1, round(math.sqrt(area / aspect))))
    top = int(generator.integers(shape[0] - height, endpoint=True))
    left = int(generator.integers(shape[1] - width, endpoint=True))
    return slice(top, top + height), slice(left, left + width)
