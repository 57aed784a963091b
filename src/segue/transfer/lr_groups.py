"""Parameter groups: the decoder at the full rate, the encoder slower, its early stages slowest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from segue.configs import OptimConfig, TransferConfig


@dataclass(frozen=True)
class Group:
    """Named parameters that share a peak learning rate and a weight decay; `encoder` follows the encoder's schedule."""

    parameters: tuple[tuple[str, nn.Parameter], ...]
    lr: float
    weight_decay: float
    encoder: bool


def lr_groups(
    model: nn.Module, stages: Sequence[Sequence[nn.Module]], optim: OptimConfig, transfer: TransferConfig
) -> list[Group]:
    """Split the parameters of `model` by encoder stage and by whether weight decay applies.

    The peak rate of stage s out of S is `lr * encoder_rate * layer_decay ** (S - 1 - s)`; from scratch there is nothing
    to protect and every part moves at `lr`. One-dimensional parameters (biases, normalisation) do not decay.
    """
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups: list[Group] = []
    seen: set[int] = set()
    for position, stage in enumerate(stages):
        members = [parameter for module in stage for parameter in module.parameters()]
        seen.update(map(id, members))
        rate = optim.lr
        if transfer.mode != "scratch":
            rate *= transfer.encoder_rate * transfer.layer_decay ** (len(stages) - 1 - position)
        groups += _by_decay(members, names, rate, optim.weight_decay, encoder=True)
    rest = [parameter for parameter in model.parameters() if id(parameter) not in seen]
    return groups + _by_decay(rest, names, optim.lr, optim.weight_decay, encoder=False)


def _by_decay(
    members: Sequence[nn.Parameter], names: dict[int, str], rate: float, weight_decay: float, *, encoder: bool
) -> list[Group]:
    decays = tuple((names[id(p)], p) for p in members if p.ndim > 1)
    keeps = tuple((names[id(p)], p) for p in members if p.ndim <= 1)
    candidates = [Group(decays, rate, weight_decay, encoder), Group(keeps, rate, 0.0, encoder)]
    return [group for group in candidates if group.parameters]
