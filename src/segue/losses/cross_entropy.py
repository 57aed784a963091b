"""Cross entropy over the pixels that are labelled."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from segue.losses.border import same_pixels


def cross_entropy(
    logits: Float[Tensor, "batch classes *space"],
    labels: Int[Tensor, "batch *space"],
    *,
    ignore: int = 255,
    weights: Float[Tensor, " classes"] | None = None,
) -> Float[Tensor, ""]:
    """Minus the log-probability of the true class, averaged over the labelled pixels of the whole batch.

    With `weights` the average is weighted by the weight of each pixel's true class. Torch's own mean is NaN when every
    pixel is ignored; this is 0. When to use it: always, mostly beside a region loss; alone and unweighted it gives the
    best calibrated probabilities.
    """
    same_pixels(logits, labels)
    labels = labels.long()
    if weights is not None:
        weights = weights.to(logits.device, torch.float32)
    total = functional.cross_entropy(logits.float(), labels, weights, ignore_index=ignore, reduction="sum")
    counts = labels != ignore
    if weights is None:
        return total / counts.sum().clamp(min=1)
    mass = weights[labels[counts]].sum()
    return total / mass.clamp(min=torch.finfo(torch.float32).tiny)
