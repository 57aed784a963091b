"""How many pixels each class has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from jaxtyping import Float, Int64

from segue.data.classes import Classes
from segue.data.doctor.masks import MaskFacts, unpack
from segue.data.encoding import encode

One = TypeVar("One")


def class_pixels(mask: MaskFacts, classes: Classes) -> Int64[np.ndarray, " classes"]:
    """Pixels of each class in a mask the doctor has looked at; ignored pixels count for none.

    Raises `DataError` when the mask holds a value that is neither a class nor ignored.
    """
    raw = unpack(mask.colours).astype(np.uint8) if classes.coded_by_colour else mask.values
    ids = encode(raw[None], classes, mask.path)[0]
    counts = np.bincount(ids, weights=mask.counts, minlength=len(classes))
    return counts[: len(classes)].astype(np.int64)


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


def spread(samples: Sequence[One], most: int) -> tuple[One, ...]:
    """At most `most` samples (2 or more), or their numbers, evenly spread over the given order."""
    if len(samples) <= most:
        return tuple(samples)
    return tuple(samples[round(i * (len(samples) - 1) / (most - 1))] for i in range(most))
