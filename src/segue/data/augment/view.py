"""A crop on its way to the network, and the two kinds of arrays a sample is made of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.generic]  # (H, W, C) uint8 or float32 on the 0-255 scale
Labels = NDArray[np.uint8]  # (H, W) class ids, `IGNORE` (255) where nothing is labelled


class View(NamedTuple):
    """A crop: float32 pixels (H, W, C) on the 0-255 scale, class ids (H, W), and which pixels show an image (H, W).

    Where `inside` is false there is nothing to see: the label is `IGNORE`, and the pixel becomes 0, the mean colour,
    once the crop is normalised.
    """

    image: NDArray[np.float32]
    labels: Labels
    inside: NDArray[np.bool_]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.labels.shape[0], self.labels.shape[1]

    def copy(self) -> View:
        """The same crop in arrays of its own."""
        return View(self.image.copy(), self.labels.copy(), self.inside.copy())

    def put(self, part: View, rows: slice, columns: slice) -> None:
        """Write `part` into a rectangle of the same size, in place."""
        self.image[rows, columns] = part.image
        self.labels[rows, columns] = part.labels
        self.inside[rows, columns] = part.inside
