"""Temperature scaling: one number that makes probabilities as sure as they are right (Guo et al. 2017).

https://arxiv.org/abs/1706.04599. The class with the highest score stays the same, whatever the temperature.
"""

from __future__ import annotations

import torch
from jaxtyping import Float32, Integer
from torch import Tensor

LOWEST, HIGHEST = 0.1, 10.0
MOST_PIXELS = 200_000  # a single number is known to about 0.001 from as many
_STEPS = 50


def fit_temperature(logits: Float32[Tensor, "pixels classes"], labels: Integer[Tensor, " pixels"]) -> float:
    """The temperature `T` whose probabilities softmax(logits / T) have the least negative log-likelihood.

    The likelihood is concave in 1 / T, so Newton's method inside a bracket finds the one optimum (the paper has no
    bracket and uses L-BFGS). Above 1: the network was too sure; below 1: not sure enough. Kept within `LOWEST` to
    `HIGHEST`: where all is right the optimum is 0. It is 1 where nothing depends on it: no pixel, or equal scores.
    """
    if not len(labels):
        return 1.0
    shifted = logits - logits.amax(1, keepdim=True)
    true = shifted.gather(1, labels.long()[:, None])[:, 0]
    low, high, inverse = 1 / HIGHEST, 1 / LOWEST, 1.0
    for _ in range(_STEPS):
        slope, curvature = _derivatives(shifted, true, inverse)
        if slope == 0:
            break
        low, high = (inverse, high) if slope < 0 else (low, inverse)
        newton = inverse - slope / curvature if curvature > 0 else float("nan")
        # outside the bracket, halve it; its ends are tried as such, since the optimum may lie beyond
        following = newton if low < newton < high else _end_or_middle(newton, low, high)
        if abs(following - inverse) <= 1e-6 * inverse:
            break
        inverse = following
    return 1 / inverse


def _end_or_middle(newton: float, low: float, high: float) -> float:
    if newton <= low == 1 / HIGHEST:
        return low
    if newton >= high == 1 / LOWEST:
        return high
    return (low + high) / 2


def _derivatives(
    shifted: Float32[Tensor, "pixels classes"], true: Float32[Tensor, " pixels"], inverse: float
) -> tuple[float, float]:
    """First and second derivative of the mean negative log-likelihood by 1 / T."""
    shares = torch.softmax(shifted * inverse, 1)
    mean = (shares * shifted).sum(1)
    spread = (shares * (shifted - mean[:, None]).square()).sum(1)
    return float((mean - true).double().mean()), float(spread.double().mean())


def negative_log_likelihood(
    logits: Float32[Tensor, "pixels classes"], labels: Integer[Tensor, " pixels"], temperature: float
) -> Float32[Tensor, " pixels"]:
    """Of every pixel, -ln of the probability of its label."""
    scaled = logits / temperature
    return scaled.logsumexp(1) - scaled.gather(1, labels.long()[:, None])[:, 0]
