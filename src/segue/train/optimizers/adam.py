"""Adam (https://arxiv.org/abs/1412.6980); weight decay is part of the gradient, as in the paper's time."""

from __future__ import annotations

from typing import Any

import torch

from segue.configs import OptimConfig


def adam(groups: list[dict[str, Any]], optim: OptimConfig, device: str) -> torch.optim.Optimizer:
    """For repeating what others trained with it; AdamW is the better choice otherwise."""
    return torch.optim.Adam(groups, fused=device in ("cpu", "cuda"))
