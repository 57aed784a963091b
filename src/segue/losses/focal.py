"""Focal loss: cross entropy in which pixels that are already right count little (https://arxiv.org/abs/1708.02002)."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from segue.losses.across import Total, alone
from segue.losses.border import same_pixels
from segue.losses.parameters import Between
from segue.losses.pixelwise import mean_over_labelled


def focal(
    logits: Float[Tensor, "batch classes *space"],
    labels: Int[Tensor, " batch *space"],
    *,
    ignore: int = 255,
    weights: Float[Tensor, " classes"] | None = None,
    gamma: Annotated[float, Between(0, 10)] = 2.0,
    total: Total = alone,
) -> Float[Tensor, ""]:
    """Mean over the labelled pixels of -(1 - p)^gamma log p, p being the softmax probability of the true class.

    The paper has sigmoids and divides by the number of objects; here it is the softmax and the mean over the labelled
    pixels, and `weights` stand for the paper's alpha. `gamma` 0 is cross entropy. When to use it: a class with less
    than about a thousandth of the pixels, where cross entropy drowns in easy background; its probabilities are
    under-confident.
    """
    same_pixels(logits, labels)
    labels = labels.long()
    losses = functional.cross_entropy(logits.float(), labels, ignore_index=ignore, reduction="none")
    # below gamma 1 the slope of x^gamma is infinite at 0, where a perfect or ignored pixel is: there it is cut off
    wrong = (-torch.expm1(-losses)).clamp(min=torch.finfo(losses.dtype).tiny)
    return mean_over_labelled(wrong**gamma * losses, labels, ignore, weights, total)
