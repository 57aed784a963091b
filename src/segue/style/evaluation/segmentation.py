"""Whether a segmentation model still finds in the result what it found in the content, or what is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from segue.data.classes import Classes
from segue.data.encoding import encode
from segue.data.image import read_mask
from segue.infer.segmenter import Segmenter
from segue.metrics.confusion import confusion, scores
from segue.style.picture import eight_bits

Mask = UInt8[np.ndarray, "height width"]


def segmented(segmenter: Segmenter, picture: Float[Tensor, "1 3 height width"]) -> Mask:
    """The class ids that the model gives a picture, at the picture's size."""
    return segmenter.predict(eight_bits(picture)).mask


def agreement(truth: Mask, found: Mask, classes: int) -> float:
    """Mean IoU of two masks over the classes that one of them has; NaN where all of `truth` is unlabelled (255)."""
    return scores(confusion(truth, found, classes)).miou


def read_truth(path: Path, classes: Classes, size: tuple[int, int]) -> Mask:
    """Class ids from a mask's file, at another size (height, width) by the nearest pixel.

    Raises:
        DataError: the file cannot be read, or holds what is no class.
    """
    ids = encode(read_mask(path), classes, path)
    return np.asarray(Image.fromarray(ids).resize(size[::-1], Image.Resampling.NEAREST))
