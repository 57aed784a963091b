"""Soft Dice loss: V-Net's idea (https://arxiv.org/abs/1606.04797) with plain instead of squared sums."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor

from segue.losses.across import Total, alone
from segue.losses.overlap import mean_over_present, overlap
from segue.losses.parameters import Between


def dice(
    logits: Float[Tensor, "batch classes *space"],
    labels: Int[Tensor, " batch *space"],
    *,
    ignore: int = 255,
    smooth: Annotated[float, Between(0, 1e6)] = 1.0,
    total: Total = alone,
) -> Float[Tensor, ""]:
    """One minus the soft Dice overlap, averaged over the classes present in `labels`.

    Sums run over the whole batch; `smooth` (pixels) is added to both. When to use it: as `jaccard`, which it orders
    predictions like, with a gentler slope on regions that hardly overlap.
    """
    shared, predicted, true = overlap(logits, labels, ignore, total)
    # without `smooth` a class that is neither there nor predicted divides by zero
    whole = (predicted + true + smooth).clamp(min=torch.finfo(shared.dtype).tiny)
    return mean_over_present(1 - (2 * shared + smooth) / whole, true)
