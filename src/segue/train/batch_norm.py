"""BatchNorm whose statistics are those of the whole batch when several processes hold its parts.

Statistics of each process's own images would make a network depend on how many processes trained it, and are poor where
each has a few crops. torch's `SyncBatchNorm` refuses the CPU, and replaces modules, which networks that call
`batch_norm` themselves (timm's, which fuse the activation) do not notice. So the function is replaced while a network
runs, and its modules, their names and tensors stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from segue.train.processes import Group

_ONE_VALUE = "Expected more than 1 value per channel when training, got input size"  # torch's words


class WholeBatchNorm(TorchFunctionMode):
    """While active, `torch.nn.functional.batch_norm` in training takes its statistics over all processes of `group`."""

    def __init__(self, group: Group) -> None:
        super().__init__()
        self._group = group

    def __torch_function__(
        self,
        func: Callable[..., Any],
        _types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the function returns
        """Call `func`, or what replaces it."""
        if func is functional.batch_norm:
            return self._batch_norm(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _batch_norm(
        self,
        input: Float[Tensor, "batch channels *space"],
        running_mean: Float[Tensor, " channels"] | None,
        running_var: Float[Tensor, " channels"] | None,
        weight: Float[Tensor, " channels"] | None = None,
        bias: Float[Tensor, " channels"] | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Float[Tensor, "batch channels *space"]:
        if not training:
            return functional.batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
        mean, variance, count = statistics(input.detach(), self._group)
        if count == 1:
            raise ValueError(f"{_ONE_VALUE} {input.size()}")
        if running_mean is not None and running_var is not None:
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            running_var.lerp_((variance * (count / (count - 1))).to(running_var.dtype), momentum)
        weight = torch.ones_like(mean) if weight is None else weight
        bias = torch.zeros_like(mean) if bias is None else bias
        scale = torch.rsqrt(variance + eps)
        normalised: Tensor = _Normalise.apply(input, weight, bias, (mean, scale), self._group)
        return normalised


def statistics(
    input: Float[Tensor, "batch channels *space"], group: Group
) -> tuple[Float[Tensor, " channels"], Float[Tensor, " channels"], int]:
    """Mean and variance (divided by the number of values) of each channel over all processes, and that number.

    Every process has equally many values. Means and variances are combined, not sums of squares, which lose all digits
    where the mean is large beside the spread (https://doi.org/10.2307/2683386).
    """
    variances, means = torch.var_mean(input.float(), _but_channels(input), correction=0)
    variances, means = group.gather(torch.stack([variances, means])).unbind(1)
    mean = means.mean(0)
    return mean, (variances + (means - mean) ** 2).mean(0), group.size * (input.numel() // input.shape[1])


class _Normalise(torch.autograd.Function):
    """Scale, shift and their gradients in float32, as torch's layer; the result has the type of the input."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch's context
        input: Tensor,
        weight: Tensor,
        bias: Tensor,
        statistics: tuple[Tensor, Tensor],
        group: Group,
    ) -> Tensor:
        mean, scale = (_along_channels(value, input) for value in statistics)
        ctx.save_for_backward(input, weight, *statistics)
        ctx.group = group
        normalised = (input.float() - mean) * scale
        return (normalised * _along_channels(weight, input) + _along_channels(bias, input)).to(input.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        input, weight, mean, scale = ctx.saved_tensors
        gradient, over = gradient.float(), _but_channels(input)
        normalised = (input.float() - _along_channels(mean, input)) * _along_channels(scale, input)
        own = torch.stack([gradient.sum(over), (gradient * normalised).sum(over)])
        count = ctx.group.size * (input.numel() // input.shape[1])
        shift, slope = (_along_channels(value, input) for value in ctx.group.add(own.clone()) / count)
        to_input = (gradient - shift - normalised * slope) * _along_channels(scale * weight, input)
        return to_input.to(input.dtype), own[1].to(weight.dtype), own[0].to(weight.dtype), None, None


def _but_channels(input: Tensor) -> tuple[int, ...]:
    return (0, *range(2, input.ndim))


def _along_channels(values: Tensor, like: Tensor) -> Tensor:
    return values.float().view(1, -1, *[1] * (like.ndim - 2))
