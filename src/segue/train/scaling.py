"""The loss scale of fp16 training as part of a resume point.

Gradients below 6e-8 vanish in fp16, so the loss is multiplied before the backward pass and the gradients divided after
it (https://arxiv.org/abs/1710.03740). The scale doubles after 2000 steps without overflow and halves after each one.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.amp import GradScaler


def scaler_tensors(scaler: GradScaler | None) -> dict[str, Tensor]:
    """The scale and the steps since it last changed; nothing for a run that does not scale."""
    if scaler is None:
        return {}
    state = scaler.state_dict()
    return {key: torch.tensor(float(state[key]), dtype=torch.float64) for key in ("scale", "_growth_tracker")}


def restore_scaler(scaler: GradScaler | None, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `scaler_tensors` saved."""
    if scaler is not None and tensors:
        saved = {"scale": float(tensors["scale"]), "_growth_tracker": int(tensors["_growth_tracker"])}
        scaler.load_state_dict({**scaler.state_dict(), **saved})
