"""The loss against the given labels."""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn

from segue.data.loader import Batch
from segue.losses import parse_loss

Objective = Callable[[nn.Module, Batch], dict[str, Tensor]]


def supervised(loss: str, class_weights: Float[Tensor, " classes"] | None = None) -> Objective:
    """The objective of plain supervised training: each term of `loss`, by name.

    Args:
        loss: weighted sum of losses, such as "ce + jaccard"; raises `UsageError` when it cannot be read.
        class_weights: weight of each class in the losses that take them.
    """
    terms = parse_loss(loss, class_weights)

    def objective(model: nn.Module, batch: Batch) -> dict[str, Float[Tensor, ""]]:
        return terms.terms(model(batch.images), batch.labels.long())

    return objective
