"""How large the objects of each class are: its connected regions, measured on some of the images."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from segue.data.classes import Classes
from segue.data.encoding import encode
from segue.data.geometry import resize_labels
from segue.data.image import read_mask
from segue.data.index import Sample
from segue.data.parallel import in_order
from segue.data.prepare import Data

MOST_IMAGES = 64
MOST_PIXELS = 4_000_000  # of a mask; larger ones are measured at this size
SPECK = 4  # pixels below which a region is a slip of the brush, not an object
NEIGHBOURS = np.ones((3, 3), bool)  # regions hang together over corners, too

Areas = list[NDArray[np.float64]]


def object_areas(data: Data, seed: int) -> tuple[Areas, int]:
    """Pixels of every region of each class, ascending, and the number of images looked at.

    At most `MOST_IMAGES` training images, drawn by the seed, are read once more. Objects of one class that touch count
    as one.
    """
    samples = data.of("train")
    order = np.random.Generator(np.random.Philox(key=[seed, (1 << 61) | 2])).permutation(len(samples))
    chosen = [samples[place] for place in sorted(order[:MOST_IMAGES].tolist())]
    found = list(in_order(lambda sample: _areas_in(sample, data.classes), chosen))
    return [np.sort(np.concatenate([areas[label] for areas in found])) for label in range(len(data.classes))], len(
        chosen
    )


def _areas_in(sample: Sample, classes: Classes) -> Areas:
    assert sample.mask is not None, "training images are labelled"
    labels = encode(read_mask(sample.mask), classes, sample.mask)
    shrink = min(1.0, (MOST_PIXELS / labels.size) ** 0.5)
    if shrink < 1:
        labels = resize_labels(labels, (round(labels.shape[0] * shrink), round(labels.shape[1] * shrink)))
    return [regions(labels, label) / shrink**2 for label in range(len(classes))]


def regions(labels: UInt8[np.ndarray, "height width"], label: int) -> NDArray[np.float64]:
    """Pixels of each connected region of a class, without specks."""
    from scipy import ndimage

    numbered, _ = ndimage.label(labels == label, structure=NEIGHBOURS)
    areas = np.bincount(numbered.ravel())[1:]
    return np.asarray(areas[areas >= SPECK], dtype=np.float64)
