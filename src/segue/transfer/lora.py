"""LoRA: frozen weights plus learned matrices of low rank (https://arxiv.org/abs/2106.09685).

A layer's weight W, seen as a matrix with one row per output, becomes W + alpha / rank · B · A. A has `rank` rows and B
`rank` columns; B starts at zero, so the first step begins with the pretrained network. For a k x k convolution the rows
of A are k x k kernels: W + B · A is a k x k convolution to `rank` channels followed by a 1 x 1 convolution.

Deviation: the paper adds B(A(x)) to the layer's output. Here the layer runs once, with the sum of the weights: the
same function, but merging is exact to the bit, and layers that do something else with their weight (standardised
convolutions, the attention of BEiT) are served too. A gradient of the weight's size is formed on the way; no optimiser
state is. Convolutions in groups have few weights per output and are left as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from segue.configs import LORA_TARGETS, TransferConfig
from segue.errors import UsageError


class LowRank(nn.Module):
    """Adds `scale * b @ a` to a weight of any shape; `b` is zero at first, `a` is drawn as a linear layer's weight."""

    def __init__(self, weight: Tensor, rank: int, scale: float, generator: torch.Generator) -> None:
        super().__init__()
        rows, columns = weight.shape[0], weight[0].numel()
        bound = 1 / math.sqrt(columns)  # Kaiming's uniform with a = sqrt(5), as in the authors' code
        drawn = (torch.rand(rank, columns, generator=generator) * 2 - 1) * bound
        self.a = nn.Parameter(drawn.to(weight.device, weight.dtype))
        self.b = nn.Parameter(torch.zeros(rows, rank, device=weight.device, dtype=weight.dtype))
        self.scale = scale

    def forward(self, weight: Float[Tensor, "out ..."]) -> Float[Tensor, "out ..."]:
        """The weight the layer computes with, in full precision, as a merged layer would hold it."""
        with torch.autocast(weight.device.type, enabled=False):
            return weight + (self.scale * (self.b @ self.a)).view(weight.shape)


def add_lora(encoder: nn.Module, transfer: TransferConfig, seed: int) -> tuple[str, ...]:
    """Give every layer of `encoder` that `transfer.targets` names its matrices; returns the names of these layers.

    The result of the encoder does not change. Raises `UsageError` when there is no such layer.
    """
    generator = torch.Generator().manual_seed(seed)
    names = target_layers(encoder, transfer)
    for name in names:
        layer: Any = encoder.get_submodule(name)
        layer.lora = LowRank(layer.weight, transfer.rank, transfer.alpha / transfer.rank, generator)
        kind: Any = type(layer)
        layer.__class__ = _with_lora(kind)
    return names


def target_layers(encoder: nn.Module, transfer: TransferConfig) -> tuple[str, ...]:
    """The names of the layers that get matrices; raises `UsageError` when there are none."""
    wanted = transfer.targets or LORA_TARGETS
    names = tuple(name for name, module in encoder.named_modules() if _kind(name, module) in wanted)
    if not names:
        raise UsageError(f"transfer.targets: expected layers of this encoder, it has none of {', '.join(wanted)}")
    return names


def merge_lora(model: nn.Module) -> int:
    """Turn every sum of weights into a plain weight, in place; returns how many there were.

    The network computes the same bits as before and has the parameter names of one that never had LoRA.
    """
    layers = list(_adapted(model))
    with torch.no_grad():
        for layer in layers:
            layer._parameters["weight"].copy_(layer.weight)
    return remove_lora(model)


def remove_lora(model: nn.Module) -> int:
    """Take the matrices away, in place; returns how many layers had some.

    The pretrained weights, which training never touches, are left bit by bit.
    """
    layers = list(_adapted(model))
    for layer in layers:
        layer.__class__ = layer.without_lora
        del layer.lora
    return len(layers)


def added_parameters(model: nn.Module) -> tuple[nn.Parameter, ...]:
    """All matrices that `add_lora` added below `model`; none when it was never called."""
    return tuple(p for module in model.modules() if isinstance(module, LowRank) for p in (module.a, module.b))


@cache
def _with_lora(kind: Any) -> Any:  # noqa: ANN401
    """A layer of this class whose `weight` is the sum; the parameter of that name stays what it was.

    Not torch's parametrize: there, a copy shares its class with the original, and merging one breaks the other.
    """

    def weight(layer: Any) -> Tensor:  # noqa: ANN401
        pretrained = layer._parameters["weight"]
        sharded = hasattr(pretrained, "device_mesh")  # parts are asked for when they are moved, not to compute with
        total: Tensor = pretrained if sharded else layer.lora(pretrained)
        return total

    return type(f"{kind.__name__}WithLora", (kind,), {"weight": property(weight), "without_lora": kind})


def _adapted(model: nn.Module) -> Iterator[Any]:
    return (module for module in model.modules() if isinstance(getattr(module, "lora", None), LowRank))


def _kind(name: str, module: nn.Module) -> str | None:
    """Which of the targets a layer is: None for what LoRA leaves alone."""
    if isinstance(module, nn.Linear):
        return "attention" if "attn" in name or "attention" in name else "mlp"
    if isinstance(module, nn.Conv2d) and module.groups == 1:
        return "conv"
    return None
