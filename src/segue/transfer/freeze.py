"""Which parts of the encoder rest at a point of training, and what resting means."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from segue.transfer.lora import added_parameters


def train_awake(model: nn.Module, stages: Sequence[Sequence[nn.Module]], starts: Sequence[float], at: float) -> None:
    """Put `model` in training mode with the encoder stages at rest whose start (0-1) lies behind `at`.

    A stage at rest gets no gradient and keeps its BatchNorm statistics: it computes exactly what it was loaded with.
    Matrices that LoRA added to it train all the same.
    """
    model.train()
    for stage, start in zip(stages, starts, strict=True):
        rests = at < start
        for module in stage:
            module.requires_grad_(not rests)
            if rests:
                module.eval()
                for parameter in added_parameters(module):
                    parameter.requires_grad_(True)
