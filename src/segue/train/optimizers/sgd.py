"""Stochastic gradient descent with momentum, Nesterov's if asked (https://proceedings.mlr.press/v28/sutskever13.html)."""

from __future__ import annotations

from typing import Any

import torch

from segue.configs import OptimConfig


def sgd(groups: list[dict[str, Any]], optim: OptimConfig, device: str) -> torch.optim.Optimizer:
    """For long runs of convolutional networks; it wants a rate about ten times AdamW's (segue lr-find)."""
    return torch.optim.SGD(
        groups, lr=optim.lr, momentum=optim.momentum, nesterov=optim.nesterov, fused=device in ("cpu", "cuda")
    )
