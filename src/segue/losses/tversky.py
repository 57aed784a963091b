"""Tversky loss: Dice with a price of its own for each kind of mistake (https://arxiv.org/abs/1706.05721)."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor

from segue.losses.across import Total, alone
from segue.losses.overlap import mean_over_present, overlap
from segue.losses.parameters import Between


def tversky(
    logits: Float[Tensor, "batch classes *space"],
    labels: Int[Tensor, " batch *space"],
    *,
    ignore: int = 255,
    alpha: Annotated[float, Between(0.01, 10)] = 0.3,
    beta: Annotated[float, Between(0.01, 10)] = 0.7,
    gamma: Annotated[float, Between(0.3, 4)] = 1.0,
    smooth: Annotated[float, Between(0, 1e6)] = 1.0,
    total: Total = alone,
) -> Float[Tensor, ""]:
    """Mean over the classes present of (1 - T)^gamma with T = TP / (TP + alpha FP + beta FN), soft counts of the batch.

    `alpha` prices false positives, `beta` false negatives: 0.5 and 0.5 is Dice (with half its `smooth`), 1 and 1 is
    Jaccard. A `gamma` other than 1 is the focal Tversky loss (https://arxiv.org/abs/1810.07842), whose paper writes
    1/gamma for it: its 4/3 is 0.75 here. `smooth` (pixels) is added to both sums. When to use it: when missing the
    object is worse than a false alarm (lesions, cracks), with `beta` above `alpha`.
    """
    shared, predicted, true = overlap(logits, labels, ignore, total)
    false_positive, false_negative = predicted - shared, true - shared
    apart = alpha * false_positive + beta * false_negative
    losses = apart / (shared + apart + smooth).clamp(min=torch.finfo(shared.dtype).tiny)
    if gamma != 1:  # below 1 the slope at 0 is infinite: there it is cut off
        losses = losses.clamp(min=torch.finfo(losses.dtype).tiny) ** gamma
    return mean_over_present(losses, true)
