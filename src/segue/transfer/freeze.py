"""Which parts of the encoder rest at a point of training, and what resting means."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from segue.configs import TransferConfig
from segue.errors import UsageError


def frozen_stages(transfer: TransferConfig, progress: float, stages: int) -> int:
    """How many encoder stages, counted from the stem, rest when `progress` (0-1) of training is done.

    >>> frozen_stages(TransferConfig(mode="staged", head_fraction=0.1), 0.05, 5)
    5
    """
    if transfer.mode == "frozen" or (transfer.mode == "staged" and progress < transfer.head_fraction):
        return stages
    if transfer.mode == "partial":
        if transfer.frozen_stages > stages:
            raise UsageError(
                f"transfer.frozen_stages: expected at most {stages}, the stages of this encoder, "
                f"got {transfer.frozen_stages}"
            )
        return transfer.frozen_stages
    return 0


def train_all_but(model: nn.Module, stages: Sequence[Sequence[nn.Module]], frozen: int) -> None:
    """Put `model` in training mode with the first `frozen` encoder stages at rest.

    A stage at rest gets no gradient and keeps its BatchNorm statistics: it computes exactly what it was loaded with.
    """
    model.train()
    for position, stage in enumerate(stages):
        rests = position < frozen
        for module in stage:
            module.requires_grad_(not rests)
            if rests:
                module.eval()
