"""Trimap mIoU: the IoU near the true contours (https://doi.org/10.1007/s11263-008-0202-0)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.ndimage import distance_transform_edt

from segue.data.classes import IGNORE
from segue.metrics.case import Case, outcomes
from segue.metrics.confusion import confusion
from segue.metrics.metric import Metric
from segue.metrics.rates import iou
from segue.metrics.surface import bounding_box, within


def trimap(
    labels: Integer[np.ndarray, "*space"], width: float, spacing: tuple[float, ...] | None = None
) -> Bool[np.ndarray, "*space"]:
    """Labelled pixels with a pixel of another label (or none) at most `width` away, in pixels or the unit of `spacing`.

    The edge of the image is no contour.
    """
    band = np.zeros(labels.shape, bool)
    for label in np.unique(labels[labels != IGNORE]):
        own = labels == label
        if own.all():
            break  # no contour, and a distance transform without a zero is arbitrary
        box = bounding_box(own, margin=1)  # the ring around the box hides whatever is farther out
        band[box] |= own[box] & within(distance_transform_edt(own[box], sampling=spacing), width)
    return band


def _evidence(case: Case) -> Float[np.ndarray, "classes 4"]:
    assert case.measure.tolerance is not None, "checked before anything is computed"
    band = trimap(case.truth, case.measure.tolerance, case.measure.spacing)
    near = np.where(band, case.truth, np.asarray(IGNORE, case.truth.dtype))
    return outcomes(confusion(near, case.prediction, case.classes))


trimap_iou = Metric(
    "IoU of the pixels within --tolerance of a true contour.", _evidence, iou.by_class, needs_tolerance=True
)
