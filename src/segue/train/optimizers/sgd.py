"""Stochastic gradient descent with momentum, Nesterov's if asked (https://proceedings.mlr.press/v28/sutskever13.html)."""

from __future__ import annotations

from typing import Any

import torch

from segue.configs import OptimConfig
from segue.train.sharding import in_parts


def sgd(groups: list[dict[str, Any]], optim: OptimConfig, device: str) -> torch.optim.Optimizer:
    """For long runs of convolutional networks; it wants a rate about ten times AdamW's (segue lr-find)."""
    sharded = any(in_parts(parameter) for group in groups for parameter in group["params"])
    fused = device in ("cpu", "cuda") and not sharded  # torch's fused form takes whole tensors only
    return torch.optim.SGD(groups, lr=optim.lr, momentum=optim.momentum, nesterov=optim.nesterov, fused=fused)
