"""Soft Jaccard loss: one minus intersection over union (https://arxiv.org/abs/2302.05666, for hard labels)."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor

from segue.losses.across import Total, alone
from segue.losses.overlap import mean_over_present, overlap
from segue.losses.parameters import Between


def jaccard(
    logits: Float[Tensor, "batch classes *space"],
    labels: Int[Tensor, " batch *space"],
    *,
    ignore: int = 255,
    smooth: Annotated[float, Between(0, 1e6)] = 1.0,
    total: Total = alone,
) -> Float[Tensor, ""]:
    """One minus the soft IoU, averaged over the classes present in `labels`.

    Sums run over the whole batch, so a small object weighs the same in any image. `smooth` (pixels) is added to both
    sums. When to use it: beside cross entropy, when mIoU is the score, most of all with rare classes.
    """
    shared, predicted, true = overlap(logits, labels, ignore, total)
    # without `smooth` a class that is neither there nor predicted divides by zero
    union = (predicted + true - shared + smooth).clamp(min=torch.finfo(shared.dtype).tiny)
    return mean_over_present(1 - (shared + smooth) / union, true)
