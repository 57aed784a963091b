"""The average over labelled pixels that every loss with one value per pixel ends in."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from segue.losses.across import Total, alone


def mean_over_labelled(
    losses: Float[Tensor, " batch *space"],
    labels: Int[Tensor, " batch *space"],
    ignore: int,
    weights: Float[Tensor, " classes"] | None = None,
    total: Total = alone,
) -> Float[Tensor, ""]:
    """Average `losses` over the pixels that are not ignored; 0 when all are.

    With `weights` (one per class) a pixel counts as much as its true class weighs, in the sum and in what divides it:
    weights of which only the ratios differ from 1 leave the size of the loss as it is.
    """
    mass = (labels != ignore).to(losses.dtype)
    if weights is not None:
        known = labels.masked_fill(labels == ignore, 0).long()
        mass = mass * weights.to(losses.device, losses.dtype)[known]
    return total((losses * mass).sum()) / total(mass.sum()).clamp(min=torch.finfo(losses.dtype).tiny)
