"""What crops are cut from: a labelled image that lies in memory, or one that is read by the part."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from segue.data.augment.rare import random_place
from segue.data.augment.view import Labels, Pixels
from segue.data.geometry import Box


@runtime_checkable
class Source(Protocol):
    """A labelled image of any size; crops ask it for the parts they show."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""

    @property
    def channels(self) -> int:
        """Number of image channels."""

    def part(self, rows: slice, columns: slice) -> tuple[Pixels, Labels]:
        """Pixels and class ids of some rows and columns, given with their beginning and end; not to be written to."""

    def place(self, chosen: int, generator: np.random.Generator) -> tuple[float, float] | None:
        """The middle of a random pixel of a class, as (row, column); None when there is none."""


class Decoded(NamedTuple):
    """A source that lies in memory."""

    image: Pixels
    labels: Labels

    @property
    def size(self) -> tuple[int, int]:
        """See `Source`."""
        return self.labels.shape[0], self.labels.shape[1]

    @property
    def channels(self) -> int:
        """See `Source`."""
        return int(self.image.shape[2])

    def part(self, rows: slice, columns: slice) -> tuple[Pixels, Labels]:
        """See `Source`."""
        return self.image[rows, columns], self.labels[rows, columns]

    def place(self, chosen: int, generator: np.random.Generator) -> tuple[float, float] | None:
        """See `Source`."""
        return random_place(self.labels, chosen, generator)


def part_for(source: Source, box: Box, target: tuple[int, int]) -> tuple[Pixels, Labels, Box]:
    """The part of a source that resizing `box` to `target` (height, width) depends on, and the box within that part.

    Every crop is made from such a part, also where the whole image lies in memory: so the bits of a crop do not depend
    on which of the two it is.
    """
    left, top, right, bottom = box
    rows = _reach(top, bottom, source.size[0], target[0])
    columns = _reach(left, right, source.size[1], target[1])
    image, labels = source.part(rows, columns)
    return image, labels, (left - columns.start, top - rows.start, right - columns.start, bottom - rows.start)


def _reach(first: float, last: float, length: int, target: int) -> slice:
    beyond = max((last - first) / target, 1.0) + 1  # half the width of the triangle filter, and one for rounding
    return slice(max(0, math.floor(first - beyond)), min(length, math.ceil(last + beyond)))
