"""Cross entropy over the pixels that are labelled, with smoothed labels if wanted (https://arxiv.org/abs/1512.00567)."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from segue.losses.across import Total, alone
from segue.losses.border import same_pixels
from segue.losses.parameters import Between


def cross_entropy(
    logits: Float[Tensor, "batch classes *space"],
    labels: Int[Tensor, " batch *space"],
    *,
    ignore: int = 255,
    weights: Float[Tensor, " classes"] | None = None,
    smoothing: Annotated[float, Between(0, 0.9)] = 0.0,
    total: Total = alone,
) -> Float[Tensor, ""]:
    """Minus the log-probability of the true class, averaged over the labelled pixels of the whole batch.

    With `weights` the average is weighted by the weight of each pixel's true class. Torch's own mean is NaN when every
    pixel is ignored; this is 0. With two classes it is the binary cross entropy of the difference of the two logits.
    `smoothing` spreads that share of each label evenly over all classes; the smallest value is then the entropy of
    such a label instead of 0. When to use it: always, mostly beside a region loss; alone and unweighted it gives the
    best calibrated probabilities. Smoothing helps where labels are noisy, most of all along borders.
    """
    same_pixels(logits, labels)
    labels = labels.long()
    if weights is not None:
        weights = weights.to(logits.device, torch.float32)
    summed = total(
        functional.cross_entropy(
            logits.float(), labels, weights, ignore_index=ignore, reduction="sum", label_smoothing=smoothing
        )
    )
    counts = labels != ignore
    if weights is None:
        return summed / total(counts.sum()).clamp(min=1)
    mass = total(weights[labels[counts]].sum())
    return summed / mass.clamp(min=torch.finfo(torch.float32).tiny)
