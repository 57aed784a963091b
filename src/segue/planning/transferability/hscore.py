"""H-score with a shrunk covariance: how far apart the class means lie, measured in the spread of the features.

Bao et al. 2019 (https://arxiv.org/abs/2212.10082) in the form of Ibrahim et al. 2021 (https://arxiv.org/abs/2110.06893):
the covariance is shrunk as Ledoit and Wolf do (https://doi.org/10.1016/S0047-259X(03)00096-4). The plain form inverts a
covariance that is nearly singular, and its published values lie far above the bound C - 1; this one cannot.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64, Int


def hscore(features: Float[np.ndarray, "pixels channels"], labels: Int[np.ndarray, " pixels"]) -> float:
    """The trace of the shrunk inverse covariance times the covariance of the class means: from 0 to C - 1.

    When to use it: as a third opinion. Nobody has measured how well this form ranks networks for segmentation.
    """
    centred = features.astype(np.float64)
    centred -= centred.mean(axis=0)
    means = np.zeros_like(centred)
    for label in np.unique(labels):
        means[labels == label] = centred[labels == label].mean(axis=0)
    covariance, shrinkage = _ledoit_wolf(centred)
    between = (1 - shrinkage) * (means.T @ means) / len(means)
    return float(np.trace(np.linalg.pinv(covariance, hermitian=True) @ between))


def _ledoit_wolf(
    centred: Float64[np.ndarray, "pixels channels"],
) -> tuple[Float64[np.ndarray, "channels channels"], float]:
    """The covariance moved towards a multiple of the identity, and by which share of the way."""
    count, channels = centred.shape
    plain = centred.T @ centred / count
    level = np.trace(plain) / channels
    target = level * np.eye(channels)
    apart = ((plain - target) ** 2).sum()
    squares = centred**2
    noise = ((squares.T @ squares).sum() / count - (plain**2).sum()) / count
    shrinkage = float(min(max(noise / apart, 0.0), 1.0)) if apart > 0 else 1.0
    return (1 - shrinkage) * plain + shrinkage * target, shrinkage
