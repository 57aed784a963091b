"""A weighted sum of losses whose terms stay visible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

LossFunction = Callable[..., Tensor]


@dataclass(frozen=True)
class Loss:
    """Losses with their weights: `parts` holds (name, weight, function)."""

    parts: tuple[tuple[str, float, LossFunction], ...]

    def terms(
        self, logits: Float[Tensor, "batch classes *space"], labels: Int[Tensor, " batch *space"]
    ) -> dict[str, Tensor]:
        """Each loss times its weight, by name; their sum is what training minimises.

        All compute in float32, and along the classes: what a network gives in another precision and layout is converted
        once for all of them.
        """
        logits = logits.to(torch.float32, memory_format=torch.contiguous_format)
        return {name: weight * function(logits, labels) for name, weight, function in self.parts}

    def __call__(
        self, logits: Float[Tensor, "batch classes *space"], labels: Int[Tensor, " batch *space"]
    ) -> Float[Tensor, ""]:
        """The weighted sum."""
        return sum(self.terms(logits, labels).values(), start=logits.new_zeros((), dtype=logits.dtype).float())
