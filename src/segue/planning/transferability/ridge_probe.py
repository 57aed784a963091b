"""A linear classifier on frozen features, in closed form: the score a person can read.

Ridge regression onto the classes' indicators. Its penalty is chosen by generalised cross-validation (Golub, Heath and
Wahba 1979, https://doi.org/10.1080/00401706.1979.10489751), and it is scored on images it has not seen: pixels of one
image lie on one side of every fold, else neighbours would answer for each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int

FOLDS = 5
PENALTIES = np.logspace(-6, 2, 25)  # relative to the mean eigenvalue of the features' Gram matrix


@dataclass(frozen=True)
class Probe:
    """Mean IoU over the classes, the pixels sampled counted alike, and the penalty of each fold."""

    miou: float
    penalties: tuple[float, ...]


def ridge_probe(
    features: Float[np.ndarray, "pixels channels"],
    labels: Int[np.ndarray, " pixels"],
    images: Int[np.ndarray, " pixels"],
    folds: int = FOLDS,
) -> Probe:
    """Fit and score on `folds` parts of the images (`images` numbers the one of each pixel).

    When to use it: to tell people what the frozen features know. Not to rank architectures: a linear classifier on
    frozen features says little about the network after fine-tuning (https://arxiv.org/abs/2404.12172).
    """
    classes, own = np.unique(labels, return_inverse=True)
    targets = np.eye(len(classes))[own]
    groups = np.unique(images)
    matrix = np.zeros((len(classes), len(classes)))
    penalties = []
    for fold in range(min(folds, len(groups))):
        held_out = np.isin(images, groups[fold::folds])
        model = fit_ridge(features[~held_out].astype(np.float64), targets[~held_out])
        predicted = model.predict(features[held_out].astype(np.float64)).argmax(axis=1)
        np.add.at(matrix, (own[held_out], predicted), 1)
        penalties.append(model.penalty)
    hits = np.diag(matrix)
    union = matrix.sum(axis=0) + matrix.sum(axis=1) - hits
    return Probe(float((hits / union.clip(1)).mean()), tuple(penalties))


@dataclass(frozen=True)
class Ridge:
    """`predict(x) = (x - centre) @ weights + offset`."""

    weights: Float64[np.ndarray, "channels classes"]
    centre: Float64[np.ndarray, " channels"]
    offset: Float64[np.ndarray, " classes"]
    penalty: float

    def predict(self, features: Float64[np.ndarray, "pixels channels"]) -> Float64[np.ndarray, "pixels classes"]:
        """A value for each class, the largest of which is the class."""
        return np.asarray((features - self.centre) @ self.weights + self.offset)


def fit_ridge(
    features: Float64[np.ndarray, "pixels channels"], targets: Float64[np.ndarray, "pixels classes"]
) -> Ridge:
    """The ridge regression whose penalty, one for all classes, has the least generalised cross-validation error."""
    centre, offset = features.mean(axis=0), targets.mean(axis=0)
    centred, wanted = features - centre, targets - offset
    sigma, vectors = np.linalg.eigh(centred.T @ centred)
    sigma = sigma.clip(0)
    inner = vectors.T @ (centred.T @ wanted)
    penalties = PENALTIES * max(float(sigma.mean()), np.finfo(np.float64).tiny)
    errors = [gcv_error(sigma, inner, float((wanted**2).sum()), len(features), penalty) for penalty in penalties]
    penalty = float(penalties[int(np.argmin(errors))])
    return Ridge(vectors @ (inner / (sigma + penalty)[:, None]), centre, offset, penalty)


def gcv_error(
    sigma: Float64[np.ndarray, " channels"],
    inner: Float64[np.ndarray, "channels classes"],
    total: float,
    count: int,
    penalty: float,
) -> float:
    """Squared error over the square of the share of freedom that is left; the intercept takes one degree.

    `inner` are the targets along the features' eigenvectors, `total` the sum of their squares.
    """
    shrunk = 1 / (sigma + penalty)
    explained = (inner**2 * (2 * shrunk - sigma * shrunk**2)[:, None]).sum()
    freedom = max(1e-9, 1 - (float((sigma * shrunk).sum()) + 1) / count)
    return float((total - explained) / count / freedom**2)
