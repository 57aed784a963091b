"""Convolutions whose gradient bfloat16 makes slower on the CPU: that one gradient is computed in float32.

oneDNN has no fast bfloat16 kernel for the gradient of a strided depthwise convolution with respect to its input:
measured with torch 2.15 on a processor with AMX, 96 channels at 128x160, batch 8, it takes 79 ms against 5 ms in
float32. MobileNets and EfficientNets have a handful of them, which would cost more than all other layers together.
The forward pass (1.2 ms) and the gradient of the weights (3.2 ms) are no slower than in float32, and stay as they are:
the activation is neither converted nor kept in float32.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class _Strided(torch.autograd.Function):
    """A depthwise convolution in the precision of its input; the input's gradient is summed in float32."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, geometry: tuple[Any, ...]) -> Tensor:  # noqa: ANN401 - torch's
        ctx.save_for_backward(input, weight)
        ctx.geometry = geometry
        return functional.conv2d(input, weight, None, *geometry)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:  # noqa: ANN401 - torch's
        input, weight = ctx.saved_tensors
        to_input, to_weight = None, None
        if ctx.needs_input_grad[0]:
            # of the input, its shape and layout are all that this gradient depends on
            shape = torch.empty_like(input, dtype=torch.float32)
            exact = _backward(grad.float(), shape, weight.float(), ctx.geometry, (True, False))[0]
            to_input = None if exact is None else exact.to(input.dtype)
        if ctx.needs_input_grad[1]:
            to_weight = _backward(grad, input, weight, ctx.geometry, (False, True))[1]
        return to_input, to_weight, None


def _backward(
    grad: Tensor, input: Tensor, weight: Tensor, geometry: tuple[Any, ...], wanted: tuple[bool, bool]
) -> tuple[Tensor | None, ...]:
    stride, padding, dilation, groups = geometry
    result: tuple[Tensor | None, ...] = torch.ops.aten.convolution_backward(
        grad, input, weight, None, stride, padding, dilation, False, [0, 0], groups, [*wanted, False]
    )
    return result


class Float32Gradient(nn.Conv2d):
    """A convolution that computes the gradient of its input in float32, where it runs in a lower precision."""

    def forward(self, input: Tensor) -> Tensor:
        """Convolve in the precision of the input."""
        if input.dtype == torch.float32 or not torch.is_grad_enabled():
            return super().forward(input)
        output: Tensor = _Strided.apply(
            input, self.weight.to(input.dtype), (self.stride, self.padding, self.dilation, self.groups)
        )
        return output if self.bias is None else output + self.bias.to(output.dtype).view(1, -1, 1, 1)


def keep_depthwise_strides_in_float32(model: nn.Module) -> int:
    """Turn strided depthwise convolutions of `model` into `Float32Gradient` in place; returns how many there were.

    Parameters, their names and the state dict stay as they are.
    """
    found = 0
    for module in model.modules():
        strided = type(module) is nn.Conv2d and module.groups == module.in_channels > 1 and module.stride != (1, 1)
        if strided and not isinstance(module.padding, str) and module.padding_mode == "zeros":
            module.__class__ = Float32Gradient
            found += 1
    return found
