"""RMSprop (Hinton's lecture 6e, https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf)."""

from __future__ import annotations

from typing import Any

import torch

from segue.configs import OptimConfig


def rmsprop(groups: list[dict[str, Any]], optim: OptimConfig, device: str) -> torch.optim.Optimizer:
    """What MobileNets and EfficientNets were pretrained with; torch has no fused form of it."""
    return torch.optim.RMSprop(groups, momentum=optim.momentum)
