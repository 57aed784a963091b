"""Gaussian Bhattacharyya coefficient: how much the classes overlap when each is a Gaussian in feature space.

Pándy et al. 2022, https://arxiv.org/abs/2111.12780, with diagonal covariances on at most 64 principal components, the
form compared in https://arxiv.org/abs/2204.01403. The `spherical` variant of that comparison's code loses a factor, the
number of components, in its logarithm; nothing is lost here.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from segue.planning.transferability.principal import principal_components

COMPONENTS = 64
SMALLEST_VARIANCE = 1e-4


def gbc(features: Float[np.ndarray, "pixels channels"], labels: Int[np.ndarray, " pixels"]) -> float:
    """Minus the sum of the overlaps of all ordered pairs of classes: from -C (C - 1), all alike, to 0, all apart.

    When to use it: beside LogME, whose mistakes are others; cheap, and it needs no iteration.
    """
    reduced = principal_components(features, COMPONENTS)
    classes = np.unique(labels)
    means = np.stack([reduced[labels == label].mean(axis=0) for label in classes])
    variances = np.stack([reduced[labels == label].var(axis=0) for label in classes]).clip(SMALLEST_VARIANCE)
    total = 0.0
    for mean, variance in zip(means, variances, strict=True):
        shared = (variance + variances) / 2
        distance = ((mean - means) ** 2 / shared).sum(axis=1) / 8
        distance += (np.log(shared) - (np.log(variance) + np.log(variances)) / 2).sum(axis=1) / 2
        total += float(np.exp(-distance).sum()) - 1  # less the class with itself
    return -total
