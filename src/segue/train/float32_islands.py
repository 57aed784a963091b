"""Convolutions that bfloat16 makes slower on the CPU, computed in float32 inside a bfloat16 network.

oneDNN has no fast bfloat16 backward pass for strided depthwise convolutions: measured with torch 2.15 on a processor
with AMX, 96 channels at 120x160, batch 8, it takes 170 ms against 28 ms in float32. MobileNets and EfficientNets have a
handful of them, which cost more than all other layers together.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Float32Conv2d(nn.Conv2d):
    """A convolution that leaves autocast for its own computation; the result keeps the precision of the input."""

    def forward(self, input: Tensor) -> Tensor:
        """Convolve in float32."""
        with torch.autocast(input.device.type, enabled=False):
            return super().forward(input.float()).to(input.dtype)


def keep_depthwise_strides_in_float32(model: nn.Module) -> int:
    """Turn strided depthwise convolutions of `model` into `Float32Conv2d` in place; returns how many there were.

    Parameters, their names and the state dict stay as they are.
    """
    found = 0
    for module in model.modules():
        if type(module) is nn.Conv2d and module.groups == module.in_channels > 1 and module.stride != (1, 1):
            module.__class__ = Float32Conv2d
            found += 1
    return found
