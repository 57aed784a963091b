"""Is an image unlike those a model was trained on? Its distance to the nearest of them in the encoder's eyes.

An image is reduced to the mean of the encoder's last feature map, as a direction; its score is the cosine distance to
the nearest training image (deep nearest neighbours, Sun et al. 2022, https://arxiv.org/abs/2204.06507). The threshold
comes from images that were held out: of new images like those, at most the asked share is flagged (conformal p-values,
Bates et al. 2021, https://arxiv.org/abs/2104.08279). An image that the network sees in tiles is as far as the median of
its tiles: past the threshold when more than half of them are.

Why neighbours and not a Gaussian (Mahalanobis, Lee et al. 2018, https://arxiv.org/abs/1807.03888): thirty images do not
give the covariance of five hundred features, and pictures of two towns are two heaps with nothing between them.

Deviations. The first neighbour, where the paper takes the fiftieth of many thousands: small sets have no fifty of a
kind. And of many training images only so many are kept that they fit in `MOST_BYTES`, spread over all by farthest-point
selection (as in PatchCore, https://arxiv.org/abs/2106.08265), not a random part: a rare kind stays represented.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float16, Float32, Float64

from segue.errors import DataError, WeightsError

MOST_BYTES = 192 * 1024  # of the kept directions: they travel with the model
FALSE_ALARMS = 0.05  # share of images like the held-out ones that may be flagged
FARTHEST = 2.0  # a cosine distance
FEWEST = 19  # independent held-out images below which no threshold keeps to that


@dataclass(frozen=True)
class Familiar:
    """What a model knows: `directions` of training images (unit length), and `held_out`, the distances of others.

    Images it did not learn from set the `threshold`, past which an image is called unlike. It is infinite where there
    were fewer than `FEWEST` of them: nothing is flagged then.
    """

    directions: Float16[np.ndarray, "kept features"]
    held_out: Float64[np.ndarray, " others"]

    @property
    def threshold(self) -> float:
        """The distance that an image like the held-out ones exceeds with a probability of at most `FALSE_ALARMS`."""
        return conformal_limit(self.held_out, FALSE_ALARMS)

    def distance(self, features: Float32[np.ndarray, "tiles features"]) -> float:
        """Cosine distance of an image to the nearest kept one, 0 to 2; NaN where the features are no numbers.

        Raises:
            WeightsError: the features are not those of the encoder that the kept images were seen with.
        """
        if features.shape[1] != self.directions.shape[1]:
            raise WeightsError(
                f"expected training images seen with {features.shape[1]} features, got {self.directions.shape[1]}: "
                "copy the whole model folder again"
            )
        return _median(_distances(self.directions, features))

    def unlike(self, distance: float) -> bool:
        """Whether a distance lies past the threshold; one that is no number does."""
        return not distance <= self.threshold


def familiar(
    training: Float32[np.ndarray, "tiles features"], held_out: Sequence[Float32[np.ndarray, "_ features"]]
) -> Familiar:
    """What a model has seen, from the features of its training images and of images it did not learn from.

    A new image that is drawn like the held-out ones is flagged with a probability of at most `FALSE_ALARMS`, whatever
    the features are worth; how often an image of another kind is flagged, nothing promises. Frames of one video are not
    drawn independently: take one of each. Training images whose features are no numbers are left out, held-out ones
    are as far as can be.

    Raises:
        DataError: there is no training image.
    """
    training = training[np.isfinite(training).all(axis=1)]
    if not len(training):
        raise DataError("expected the features of at least one training image, got none")
    spread = _spread(_directions(training), max(1, MOST_BYTES // (2 * training.shape[1])))
    kept = spread.astype(np.float16)
    distances = np.array([_median(_distances(kept, one)) for one in held_out], np.float64)
    return Familiar(kept, np.nan_to_num(distances, nan=FARTHEST))


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
    nearest = (_directions(features) @ _directions(kept.astype(np.float32)).T).max(axis=1)
    return np.asarray(1 - nearest.astype(np.float64))


def _median(distances: Float64[np.ndarray, " tiles"]) -> float:
    """The lower one of the two in the middle of an even number; NaN where one is."""
    return (
        float(np.median(distances))
        if np.isnan(distances).any()
        else float(np.sort(distances)[(len(distances) - 1) // 2])
    )


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
