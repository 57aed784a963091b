"""Averaged weights: an exponential moving average of parameters and buffers.

Buffers are averaged as well, so that BatchNorm statistics match the averaged parameters; averaging parameters alone, as
many implementations do, leaves the two out of step.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn


def decay_at(step: int, total_steps: int, horizon: float) -> float:
    """The share of the old average kept at `step` (counted from 0) of a run of `total_steps`.

    The average reaches back over about `horizon * total_steps` steps, fewer at the beginning, where weights move fast
    and an average that still holds the first ones would lag behind.
    """
    if horizon == 0:
        return 0.0
    longest = max(1.0, horizon * total_steps)
    return min(1.0 - 1.0 / longest, (1.0 + step) / (10.0 + step))


def tensors_of(module: nn.Module) -> list[Tensor]:
    """All parameters and buffers, detached, in their order."""
    return [tensor.detach() for tensor in itertools.chain(module.parameters(), module.buffers())]


@torch.no_grad()
def update(average: Sequence[Tensor], model: Sequence[Tensor], decay: float) -> None:
    """Move each tensor of `average` towards that of `model`: `decay * average + (1 - decay) * model`.

    Integers (BatchNorm's batch counter) are copied.
    """
    floats = [(a, b) for a, b in zip(average, model, strict=True) if a.is_floating_point()]
    torch._foreach_lerp_([a for a, _ in floats], [b for _, b in floats], 1.0 - decay)
    for a, b in zip(average, model, strict=True):
        if not a.is_floating_point():
            a.copy_(b)
