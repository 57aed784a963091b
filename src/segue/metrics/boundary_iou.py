"""Boundary IoU: the IoU of the parts of the masks near their own contours (https://arxiv.org/abs/2103.16562)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.ndimage import maximum_filter, minimum_filter

from segue.data.classes import IGNORE
from segue.metrics.case import Case
from segue.metrics.metric import Metric, share

DILATION = 0.02  # width of the band as a share of the image's diagonal, as in the authors' code
OUTSIDE = -1


def band_width(shape: tuple[int, ...]) -> int:
    """Width in pixels of the band in an image of this shape: 8 for 240 x 320."""
    return max(1, round(DILATION * float(np.linalg.norm(shape))))


def inner_band(labels: Integer[np.ndarray, "*space"], width: int) -> Bool[np.ndarray, "*space"]:
    """Pixels with another label, or the edge of the image, at most `width` pixels away along every axis.

    For each class these are the pixels that `width` erosions with a 3 x 3 square take from its mask, for all classes
    in one pass: what survives has one label only around it.
    """
    ids = labels.astype(np.int32)
    size = 2 * width + 1
    lowest = minimum_filter(ids, size, mode="constant", cval=OUTSIDE)
    return np.asarray(lowest != maximum_filter(ids, size, mode="constant", cval=OUTSIDE))


def _evidence(case: Case) -> Float[np.ndarray, "classes 2"]:
    """Pixels in the intersection and in the union of the two bands of each class."""
    truth, prediction = case.truth, case.counted
    width = band_width(truth.shape)
    true_band = inner_band(truth, width) & (truth != IGNORE)
    predicted_band = inner_band(prediction, width) & (prediction != IGNORE)

    def count(labels: Integer[np.ndarray, " pixels"]) -> Integer[np.ndarray, " classes"]:
        return np.bincount(labels.astype(np.int64), minlength=case.classes)

    shared = count(truth[true_band & predicted_band & (truth == prediction)])
    union = count(truth[true_band]) + count(prediction[predicted_band]) - shared
    return np.stack([shared, union], axis=1).astype(np.float64)


boundary_iou = Metric(
    "IoU of the bands along the inside of the contours, 2 % of the image's diagonal wide.", _evidence, share
)
