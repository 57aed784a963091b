"""LogME: how likely the labels are under a Bayesian linear model on the features, its two precisions chosen to suit.

You et al. 2021, https://arxiv.org/abs/2102.11005, with the fixed point of You et al. 2022
(https://arxiv.org/abs/2110.10545). For each class, t is 1 on its pixels and 0 elsewhere; weights have the prior
N(0, 1/alpha), noise the precision beta, and the log evidence is maximised over both.

Deviations from the authors' code: features and targets are centred, since our features have no mean that could serve as
an intercept; classes without a pixel take no part, whose empty target would have a huge evidence; the residuals belong
to the final alpha and beta, so the value is the evidence there exactly; directions without variance count in the prior.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int
from numpy.typing import NDArray

MOST_ROUNDS = 11
CLOSE = 1e-3  # relative change of alpha / beta that ends the iteration
GUARD = 1e-5  # the authors' guard against a division by zero


@dataclass(frozen=True)
class Evidence:
    """The largest log evidence of one target, divided by the number of samples, and the precisions it is found at."""

    value: float
    alpha: float
    beta: float


def logme(features: Float[np.ndarray, "pixels channels"], labels: Int[np.ndarray, " pixels"]) -> float:
    """The mean over the classes of the largest log evidence per pixel; larger is better, without bounds.

    When to use it: first among the scores for one architecture with weights from several data sets. Rare classes raise
    the value, so it compares nothing but networks on the same pixels.
    """
    spectrum = Spectrum.of(features)
    return float(np.mean([spectrum.evidence(labels == label).value for label in np.unique(labels)]))


@dataclass(frozen=True)
class Spectrum:
    """Centred features (pixels x channels), and the eigenvalues and eigenvectors of their Gram matrix."""

    centred: Float64[np.ndarray, "pixels channels"]
    sigma: Float64[np.ndarray, " channels"]
    vectors: Float64[np.ndarray, "channels channels"]

    @classmethod
    def of(cls, features: Float[np.ndarray, "pixels channels"]) -> Spectrum:
        """Decompose; eigenvalues below the precision of the largest are zero."""
        centred = features.astype(np.float64)
        centred -= centred.mean(axis=0)
        sigma, vectors = np.linalg.eigh(centred.T @ centred)
        noise = sigma.max(initial=0.0) * max(centred.shape) * np.finfo(np.float64).eps
        return cls(centred, np.where(sigma > noise, sigma, 0.0), vectors)

    def evidence(self, members: NDArray[np.bool_]) -> Evidence:
        """The largest evidence of the centred target that is 1 where `members` and 0 elsewhere."""
        target = members - members.mean()
        count, channels = self.centred.shape
        held = self.sigma > 0
        inner = self.vectors.T @ (self.centred.T @ target)
        squares = np.divide(inner**2, self.sigma, out=np.zeros(channels), where=held)
        left = max(0.0, float(target @ target - squares.sum()))

        def norms(ratio: float) -> tuple[float, float]:
            """Squared norm of the posterior mean, and of what it leaves unexplained, for a ratio alpha / beta."""
            mean = float((self.sigma * squares / (ratio + self.sigma) ** 2).sum())
            return mean, float(((ratio / (ratio + self.sigma)) ** 2 * squares).sum()) + left

        alpha = beta = ratio = 1.0
        for _ in range(MOST_ROUNDS):
            gamma = float((self.sigma / (self.sigma + ratio)).sum())
            mean, rest = norms(ratio)
            alpha, beta = gamma / (mean + GUARD), (count - gamma) / (rest + GUARD)
            before, ratio = ratio, alpha / beta
            if abs(ratio - before) <= CLOSE * before:
                break
        mean, rest = norms(ratio)
        value = channels * np.log(alpha) + count * np.log(beta) - np.log(alpha + beta * self.sigma).sum()
        value -= beta * rest + alpha * mean + count * np.log(2 * np.pi)
        return Evidence(float(value) / 2 / count, alpha, beta)
