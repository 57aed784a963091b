"""Which class is rare, who has it, and where: crops around rare classes (after https://arxiv.org/abs/2111.14887)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int64

from segue.data.augment.view import Labels

TEMPERATURE = 0.1  # pixel share below which classes count as about equally rare


class RareClasses:
    """Draws classes, the rare ones more often, and samples that hold them.

    Args:
        pixels: pixels of each class in each sample, from the census of the masks.
        places: the index of each of these samples, where they are not all.
    """

    def __init__(
        self, pixels: Int64[np.ndarray, "samples classes"], places: Int64[np.ndarray, " samples"] | None = None
    ) -> None:
        self.probabilities = rare_probabilities(pixels.sum(axis=0))
        self._upto = np.cumsum(self.probabilities)
        self._places = np.arange(len(pixels)) if places is None else places
        self._holders = tuple(np.flatnonzero(column) if column.any() else np.arange(len(column)) for column in pixels.T)

    def draw(self, generator: np.random.Generator) -> tuple[int, int]:
        """A class, and the index of a sample that has pixels of it, each such sample as likely."""
        last = int(np.flatnonzero(self.probabilities)[-1])
        chosen = min(int(np.searchsorted(self._upto, generator.random(), side="right")), last)
        holders = self._holders[chosen]
        return chosen, int(self._places[holders[generator.integers(len(holders))]])


def rare_probabilities(pixels: Int64[np.ndarray, " classes"]) -> Float[np.ndarray, " classes"]:
    """How often each class is drawn: proportional to exp((1 - share) / T), 0 for classes without a pixel.

    DAFormer's rule, with T = 0.1 instead of 0.01, which on data of few or less uneven classes draws the rarest only.
    It levels off: a class with a handful of pixels is not drawn more often than one with a percent of them.

    >>> rare_probabilities(np.array([98, 2])).round(4).tolist()
    [0.0001, 0.9999]
    """
    share = pixels / max(1, int(pixels.sum()))
    weights = np.where(pixels > 0, np.exp(-share / TEMPERATURE), 0.0)
    return weights / weights.sum() if weights.any() else np.full(len(pixels), 1 / len(pixels))


def random_place(labels: Labels, chosen: int, generator: np.random.Generator) -> tuple[float, float] | None:
    """The middle of a random pixel of a class, as (row, column); None when there is none."""
    held = np.flatnonzero(labels == chosen)
    if len(held) == 0:
        return None
    row, column = divmod(int(held[generator.integers(len(held))]), labels.shape[1])
    return row + 0.5, column + 0.5
