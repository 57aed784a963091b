"""The samples an augmentation may take from besides its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from segue.data.augment.rare import RareClasses
from segue.data.augment.view import Labels, Pixels
from segue.data.classes import IGNORE


@dataclass(frozen=True)
class Pool:
    """All samples of the training set, decoded when asked for.

    `load` gives the pixels and labels of a sample by its index, from any thread; `count` is the number of samples;
    `rare` draws a class, the rare ones more often, and the index of a sample that holds it.
    """

    load: Callable[[int], tuple[Pixels, Labels]]
    count: int
    rare: Callable[[np.random.Generator], tuple[int, int]]

    def other(self, generator: np.random.Generator) -> tuple[Pixels, Labels]:
        """A random sample, every one as likely, that which is being augmented not excepted."""
        return self.load(int(generator.integers(self.count)))


def alone(image: Pixels, labels: Labels) -> Pool:
    """A pool of one sample."""

    def rare(generator: np.random.Generator) -> tuple[int, int]:
        pixels = np.bincount(labels[labels != IGNORE], minlength=1).astype(np.int64)
        return RareClasses(pixels[None]).draw(generator)

    return Pool(lambda _: (image, labels), 1, rare)
