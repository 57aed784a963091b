"""Is an image unlike those a model was trained on? Its distance to the nearest of them in the encoder's eyes.

An image is reduced to the mean of the encoder's last feature map, as a direction; its score is the cosine distance to
the nearest training image (deep nearest neighbours, Sun et al. 2022, https://arxiv.org/abs/2204.06507). The threshold
comes from images that were held out: of new images like those, at most the asked share is flagged (conformal p-values,
Bates et al. 2021, https://arxiv.org/abs/2104.08279).

Why neighbours and not a Gaussian (Mahalanobis, Lee et al. 2018, https://arxiv.org/abs/1807.03888): thirty images do not
give the covariance of five hundred features, and pictures of two towns are two heaps with nothing between them.

Deviations. The first neighbour, where the paper takes the fiftieth of many thousands: small sets have no fifty of a
kind. And of many training images only so many are kept that they fit in `MOST_BYTES`, spread over all by farthest-point
selection (as in PatchCore, https://arxiv.org/abs/2106.08265), not a random part: a rare kind stays represented.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float16, Float32, Float64
from torch import Tensor

from segue.errors import DataError

MOST_BYTES = 192 * 1024  # of the kept directions: they travel with the model
FALSE_ALARMS = 0.05  # share of images like the held-out ones that may be flagged


@dataclass(frozen=True)
class Familiar:
    """What a model knows: `directions` of training images (unit length), and the distance past which one is unlike.

    `threshold` is infinite where there were too few held-out images to set one: nothing is flagged then.
    """

    directions: Float16[np.ndarray, "kept features"]
    threshold: float

    def distances(self, features: Float32[np.ndarray, "images features"]) -> Float64[np.ndarray, " images"]:
        """Cosine distance of each image to the nearest kept one, 0 to 2; NaN where the features are no numbers."""
        return _distances(self.directions, features)

    def unlike(self, features: Float32[np.ndarray, "images features"]) -> Bool[np.ndarray, " images"]:
        """Which images lie past the threshold; features that are no numbers do too."""
        return np.asarray(~(self.distances(features) <= self.threshold))


def pooled(level: Float[Tensor, "images features rows columns"]) -> Float32[np.ndarray, "images features"]:
    """The mean of a feature map over its positions."""
    return np.asarray(level.detach().float().mean((2, 3)).cpu().numpy())


def familiar(
    training: Float32[np.ndarray, "images features"],
    held_out: Float32[np.ndarray, "others features"],
    false_alarms: float = FALSE_ALARMS,
) -> Familiar:
    """What a model has seen, from the `pooled` features of its training images and of images it did not learn from.

    A new image that is drawn like the held-out ones is flagged with a probability of at most `false_alarms`, whatever
    the features are worth; how often an image of another kind is flagged, nothing promises. Frames of one video are not
    drawn independently: take one of each.

    Raises:
        DataError: there is no training image.
    """
    if not len(training):
        raise DataError("expected the features of at least one training image, got none")
    spread = _spread(_directions(training), max(1, MOST_BYTES // (2 * training.shape[1])))
    kept = spread.astype(np.float16)
    return Familiar(kept, conformal_limit(_distances(kept, held_out), false_alarms))


def conformal_limit(scores: Float64[np.ndarray, " images"], share: float) -> float:
    """The score that a new one, exchangeable with these, exceeds with a probability of at most `share`.

    It is the ceil((n + 1) (1 - share))-th smallest of n, and infinite where that is more than n: with 5 %, for fewer
    than 19.
    """
    place = math.ceil((scores.size + 1) * (1 - share) - 1e-9)  # 20 * 0.95 is 19, not a little more
    return float(np.sort(scores)[place - 1]) if place <= scores.size else math.inf


def _directions(features: Float32[np.ndarray, "images features"]) -> Float32[np.ndarray, "images features"]:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(lengths, np.finfo(np.float32).tiny))


def _distances(
    kept: Float16[np.ndarray, "kept features"], features: Float32[np.ndarray, "images features"]
) -> Float64[np.ndarray, " images"]:
    if not len(features):
        return np.zeros(0)
    nearest = (_directions(features) @ _directions(kept.astype(np.float32)).T).max(axis=1)
    return np.asarray(1 - nearest.astype(np.float64))


def _spread(directions: Float32[np.ndarray, "images features"], count: int) -> Float32[np.ndarray, "kept features"]:
    """`count` rows such that none of the others is far from all of them: each time, the farthest is added."""
    if len(directions) <= count:
        return directions
    chosen = [int((directions @ directions.mean(axis=0)).argmax())]
    nearest = directions @ directions[chosen[0]]
    while len(chosen) < count:
        chosen.append(int(nearest.argmin()))
        nearest = np.maximum(nearest, directions @ directions[chosen[-1]])
    return np.asarray(directions[chosen])
