"""The loss against the given labels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from segue.data.loader import Batch
from segue.losses import parse_loss
from segue.losses.across import Across

AUXILIARY = "auxiliary"  # the name of its term, beside those of the losses
Objective = Callable[[nn.Module, Batch], dict[str, Tensor]]


def supervised(
    loss: str,
    class_weights: Float[Tensor, " classes"] | None = None,
    auxiliary: float = 0.0,
    across: Across | None = None,
) -> Objective:
    """The objective of plain supervised training: each term of `loss`, by name.

    Args:
        loss: weighted sum of losses, such as "ce + jaccard"; raises `UsageError` when it cannot be read.
        class_weights: weight of each class in the losses that take them.
        auxiliary: weight of the same losses on the scores of the model's auxiliary heads, which then are one more term
            of that name (PSPNet, https://arxiv.org/abs/1612.01105, section 3.3); 0 for a model that has none.
        across: the processes that have a part of each batch, where there are several.
    """
    terms = parse_loss(loss, class_weights, across)

    def objective(model: nn.Module, batch: Batch) -> dict[str, Float[Tensor, ""]]:
        labels = batch.labels.long()
        if auxiliary == 0:
            return terms.terms(model(batch.images), labels)
        scores, extra = model(batch.images, auxiliary=True)
        supervision = torch.stack([terms(one, labels) for one in extra]).sum()
        return {**terms.terms(scores, labels), AUXILIARY: auxiliary * supervision}

    return objective
