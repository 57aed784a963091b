"""A loss over the images of one batch where several processes hold them.

Averages of each process's own losses are another loss: the labelled pixels of one weigh more than those of the other,
and a class that only one of them has is as good as absent from the rest.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from segue.losses.combine import LossFunction

Total = Callable[[Tensor], Tensor]


@runtime_checkable
class Across(Protocol):
    """What a loss has to know of the other processes."""

    def total(self, value: Tensor) -> Tensor:
        """The sum of a number, or of each of several, over all processes."""

    def whole(self, images: Tensor) -> Tensor:
        """The whole batch from the part of each process, along the first axis."""


def alone(value: Tensor) -> Tensor:
    """The total where all images of the batch are here."""
    return value


def over_all(function: LossFunction, across: Across) -> LossFunction:
    """The same loss, of the images of all processes together; its value is the same in each.

    A loss made of sums over pixels takes `total`, and sums of a few numbers travel. One that sorts pixels cannot: the
    scores of all images travel, and every process computes the whole loss.
    """
    if "total" in inspect.signature(function).parameters:
        return functools.partial(function, total=across.total)

    def gathered(
        logits: Float[Tensor, "batch classes *space"], labels: Int[Tensor, " batch *space"]
    ) -> Float[Tensor, ""]:
        whole: Float[Tensor, ""] = function(across.whole(logits), across.whole(labels))
        return whole

    return gathered
