"""Expected calibration error: how far confidence and hit rate lie apart (Naeini 2015, Guo 2017).

Everything is computed from counts in bins of confidence. Counts add up over images, so a data set of any size streams.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64, Integer

from segue.data.classes import IGNORE
from segue.metrics.confusion import ratio

BINS = 15

Counts = Float64[np.ndarray, "*stack bins 3"]  # in each bin: pixels, sum of their confidences, hits


def reliability(
    probabilities: Float[np.ndarray, "pixels classes"],
    labels: Integer[np.ndarray, " pixels"],
    weight: Float[np.ndarray, " pixels"] | None = None,
    bins: int = BINS,
) -> Float64[np.ndarray, "bins 3"]:
    """Count pixels, confidences and hits in equal bins of the confidence, the probability of the class predicted.

    Pixels labelled `IGNORE` are dropped. A bin holds its lower end; the last holds 1 too. `weight` is what each pixel
    counts, 1 when not given.
    """
    kept = labels != IGNORE
    probabilities, labels = probabilities[kept], labels[kept]
    hits = probabilities.argmax(axis=1) == labels
    return _counted(probabilities.max(axis=1), hits, None if weight is None else weight[kept], bins)


def class_reliability(
    probabilities: Float[np.ndarray, "pixels classes"],
    labels: Integer[np.ndarray, " pixels"],
    weight: Float[np.ndarray, " pixels"] | None = None,
    bins: int = BINS,
) -> Float64[np.ndarray, "classes bins 3"]:
    """The same for every class by itself: its probability in all pixels, a hit being a pixel that has its label."""
    kept = labels != IGNORE
    probabilities, labels = probabilities[kept], labels[kept]
    weight = None if weight is None else weight[kept]
    return np.stack([_counted(column, labels == c, weight, bins) for c, column in enumerate(probabilities.T)])


def expected_error(counts: Counts) -> Float64[np.ndarray, "*stack"]:
    """Mean distance of confidence and hit rate over the pixels, between 0 and 1; NaN without a pixel.

    From several images' counts it gives each image's own; their mean is not that of the summed counts.
    """
    gaps = np.abs(counts[..., 1] - counts[..., 2]).sum(axis=-1)
    return ratio(gaps, counts[..., 0].sum(axis=-1))


def class_wise_error(counts: Float64[np.ndarray, "classes bins 3"]) -> float:
    """The mean over classes of each one's own error: the static calibration error of Nixon et al. 2019.

    https://arxiv.org/abs/1904.01685. It sees what the error of the class predicted hides, such as a rare class that is
    always given too little. It is small by nature: for most classes most pixels are surely something else.
    """
    return float(np.mean(expected_error(counts)))


def _counted(
    confidence: np.ndarray, hits: np.ndarray, weight: np.ndarray | None, bins: int
) -> Float64[np.ndarray, "bins 3"]:
    weight = np.ones(confidence.size) if weight is None else weight
    place = np.minimum((confidence.astype(np.float64) * bins).astype(np.int64), bins - 1)
    columns = (weight, weight * confidence, weight * hits)
    counts = [np.bincount(place, column, bins) for column in columns]
    return np.stack(counts, axis=-1).astype(np.float64)  # without a pixel, bincount gives integers
