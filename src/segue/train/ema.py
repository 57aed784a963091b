"""Averaged weights: an exponential moving average of parameters and buffers.

Buffers are averaged as well, so that BatchNorm statistics match the averaged parameters; averaging parameters alone, as
many implementations do, leaves the two out of step.
"""

from __future__ import annotations

import torch
from torch import nn


def decay_at(step: int, total_steps: int, horizon: float) -> float:
    """The share of the old average kept at `step` (counted from 0) of a run of `total_steps`.

    The average reaches back over about `horizon * total_steps` steps, fewer at the beginning, where weights move fast
    and an average that still holds the first ones would lag behind.
    """
    if horizon == 0:
        return 0.0
    longest = max(1.0, horizon * total_steps)
    return min(1.0 - 1.0 / longest, (1.0 + step) / (10.0 + step))


@torch.no_grad()
def update(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Move `average` towards `model`: `decay * average + (1 - decay) * model` for all floating-point tensors.

    Integer buffers (BatchNorm's batch counter) are copied.
    """
    old = [*average.parameters(), *average.buffers()]
    new = [*model.parameters(), *model.buffers()]
    floats = [(a, b) for a, b in zip(old, new, strict=True) if a.is_floating_point()]
    torch._foreach_lerp_([a.detach() for a, _ in floats], [b.detach() for _, b in floats], 1.0 - decay)
    for a, b in zip(old, new, strict=True):
        if not a.is_floating_point():
            a.copy_(b)
