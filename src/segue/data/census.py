"""How many pixels each class has."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Float, Int64
from numpy.typing import NDArray

from segue.data.classes import Classes
from segue.data.encoding import encode
from segue.data.image import read_mask
from segue.data.index import Sample

MOST_COUNTED = 500  # masks; class shares settle long before


def count_pixels(samples: Sequence[Sample], classes: Classes) -> tuple[Int64[np.ndarray, " classes"], int]:
    """Pixels of each class over the masks of `samples`, and the number of masks counted (evenly spread when many)."""
    labelled = [sample for sample in samples if sample.mask is not None]
    counted = spread(labelled, MOST_COUNTED)

    def count(sample: Sample) -> NDArray[np.int64]:
        assert sample.mask is not None, "filtered above"
        return np.bincount(encode(read_mask(sample.mask), classes, sample.mask).ravel(), minlength=256)

    total = np.zeros(256, dtype=np.int64)
    with ThreadPoolExecutor() as pool:
        for one in pool.map(count, counted):
            total += one
    return total[: len(classes)], len(counted)


def balancing_weights(pixels: Int64[np.ndarray, " classes"], power: float) -> Float[np.ndarray, " classes"]:
    """Class weights `(1 / share) ** power`, divided by their mean over the classes that have pixels; 0 for the others.

    A power of 0 weighs every pixel alike, 1 every class alike.

    >>> balancing_weights(np.array([90, 10, 0]), 0.5).round(3).tolist()
    [0.5, 1.5, 0.0]
    """
    present = pixels > 0
    weights = np.zeros(len(pixels))
    weights[present] = (pixels.sum() / pixels[present]) ** power
    return weights / weights[present].mean() if present.any() else np.ones(len(pixels))


def spread(samples: Sequence[Sample], most: int) -> tuple[Sample, ...]:
    """At most `most` samples, evenly spread over the given order."""
    if len(samples) <= most:
        return tuple(samples)
    return tuple(samples[round(i * (len(samples) - 1) / (most - 1))] for i in range(most))
