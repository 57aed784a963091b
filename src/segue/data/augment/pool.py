"""The samples an augmentation may take from besides its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from segue.data.augment.rare import RareClasses
from segue.data.augment.source import Source
from segue.data.augment.style import Style, Styles, style_of_sample
from segue.data.augment.stylise import Painter
from segue.data.classes import IGNORE


@dataclass(frozen=True)
class Pool:
    """All samples of the training set, decoded when asked for.

    `load` gives a sample by its index, from any thread; `count` is the number of samples; `rare` draws a class, the
    rare ones more often, and the index of a sample that holds it. `styles`, made for crops of one size, are what FDA,
    histogram matching and `stylise` draw from; when not given, the samples' own, made anew for each crop. `painter` is
    what `stylise` paints with.
    """

    load: Callable[[int], Source]
    count: int
    rare: Callable[[np.random.Generator], tuple[int, int]]
    styles: Styles | None = None
    painter: Painter | None = None

    def other(self, generator: np.random.Generator) -> Source:
        """A random sample, every one as likely, that which is being augmented not excepted."""
        return self.load(int(generator.integers(self.count)))

    def style(self, size: tuple[int, int], generator: np.random.Generator) -> Style:
        """A random style for a crop of `size`, every one as likely."""
        if self.styles is None:
            return style_of_sample(self.other(generator), size, self.painter)
        return self.styles.draw(generator)


def alone(source: Source) -> Pool:
    """A pool of one sample."""

    def rare(generator: np.random.Generator) -> tuple[int, int]:
        _, labels = source.part(slice(0, source.size[0]), slice(0, source.size[1]))
        pixels = np.bincount(labels[labels != IGNORE], minlength=1).astype(np.int64)
        return RareClasses(pixels[None]).draw(generator)

    return Pool(lambda _: source, 1, rare)
