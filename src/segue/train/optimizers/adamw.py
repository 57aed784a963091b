"""Adam with decoupled weight decay (https://arxiv.org/abs/1711.05101)."""

from __future__ import annotations

from typing import Any

import torch

from segue.configs import OptimConfig


def adamw(groups: list[dict[str, Any]], optim: OptimConfig, device: str) -> torch.optim.Optimizer:
    """The default: it forgives a rate that is off by a factor of three."""
    return torch.optim.AdamW(groups, fused=device in ("cpu", "cuda"))
