"""Generalised Dice loss: classes weighed by one over their squared size (https://arxiv.org/abs/1707.03237)."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from segue.losses.across import Total, alone
from segue.losses.overlap import overlap


def generalised_dice(
    logits: Float[Tensor, "batch classes *space"],
    labels: Int[Tensor, " batch *space"],
    *,
    ignore: int = 255,
    total: Total = alone,
) -> Float[Tensor, ""]:
    """One minus the Dice overlap of all classes together, class c weighing 1 / (pixels of c in the batch)^2.

    A class without a pixel would weigh infinitely much; the paper does not say what then. Here it does not take part,
    so what is wrongly predicted as it counts through the classes it is taken from. When to use it: several classes of
    very different size that are all present in most batches; one class of a few pixels otherwise rules the sum, and
    `dice` is steadier.
    """
    shared, predicted, true = overlap(logits, labels, ignore, total)
    weight = torch.where(true > 0, (true.max().clamp(min=1) / true.clamp(min=1)) ** 2, 0.0)
    extent = (weight * (predicted + true)).sum()
    apart = extent - 2 * (weight * shared).sum()
    return apart / extent.clamp(min=torch.finfo(extent.dtype).tiny)
