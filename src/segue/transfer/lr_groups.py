"""Parameter groups: the decoder at the full rate, the encoder slower, its early stages slowest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from segue.configs import OptimConfig, TransferConfig
from segue.transfer.lora import added_parameters
from segue.transfer.modes import NEVER, stage_starts

Named = tuple[str, nn.Parameter]


@dataclass(frozen=True)
class Group:
    """Named parameters that share everything the optimiser wants to know.

    `lr` is their peak learning rate, `start` the share of the run (0 to 1) from which they train, `rewarm` the share at
    which their rate rises from zero once more (0: nowhere), `pull` the strength of L2-SP. `encoder` tells the encoder's
    from the decoder's.
    """

    parameters: tuple[Named, ...]
    lr: float
    weight_decay: float
    start: float = 0.0
    rewarm: float = 0.0
    pull: float = 0.0
    encoder: bool = False


def encoder_peak(optim: OptimConfig, transfer: TransferConfig) -> float:
    """The peak learning rate of the encoder's last stage.

    `optim.encoder_lr` if it is given. Otherwise the decoder's rate times `transfer.encoder_rate`, where there is
    something pretrained to protect, and the decoder's rate for weights that begin at random: all of them from scratch,
    LoRA's matrices. Zero for an encoder that rests.
    """
    if transfer.mode == "frozen":
        return 0.0
    if optim.encoder_lr is not None:
        return optim.encoder_lr
    return optim.lr if transfer.mode in ("scratch", "lora") else optim.lr * transfer.encoder_rate


def lr_groups(
    model: nn.Module, stages: Sequence[Sequence[nn.Module]], optim: OptimConfig, transfer: TransferConfig
) -> list[Group]:
    """Split the parameters of `model` by encoder stage and by whether weight decay applies.

    The peak rate of stage s out of S is `encoder_peak * layer_decay ** (S - 1 - s)`; from scratch there are no layers
    to tell apart. The decoder warms up anew when the first stage wakes: its features change under it then, and steps at
    the full rate would throw away what the head phase brought. One-dimensional parameters (biases, normalisation)
    neither decay nor are pulled. Where L2-SP pulls, its pull replaces the decay. Raises `UsageError` for a mode that
    asks for more stages than there are.
    """
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    starts = stage_starts(transfer, len(stages))
    groups: list[Group] = []
    seen: set[int] = set()
    for position, stage in enumerate(stages):
        decay = 1.0 if transfer.mode == "scratch" else transfer.layer_decay ** (len(stages) - 1 - position)
        rate = encoder_peak(optim, transfer) * decay
        # a module may serve several stages, as CoaT's do: it belongs to the first
        own = {id(p): (names[id(p)], p) for module in stage for p in module.parameters() if id(p) not in seen}
        members = list(own.values())
        added = {id(p) for module in stage for p in added_parameters(module)}
        groups += _loaded([m for m in members if id(m[1]) not in added], rate, starts[position], optim, transfer)
        groups.append(Group(tuple(m for m in members if id(m[1]) in added), rate, optim.weight_decay, encoder=True))
        seen.update(id(p) for _, p in members)
    weights, rest = _by_dimension([(name, p) for name, p in model.named_parameters() if id(p) not in seen])
    wakes = min((start for start in starts if 0 < start < NEVER), default=0.0)
    groups += [Group(weights, optim.lr, optim.weight_decay, rewarm=wakes), Group(rest, optim.lr, 0.0, rewarm=wakes)]
    return [group for group in groups if group.parameters]


def _loaded(
    members: Sequence[Named], rate: float, start: float, optim: OptimConfig, transfer: TransferConfig
) -> list[Group]:
    """The groups of a stage's own parameters, LoRA's matrices aside."""
    weights, rest = _by_dimension(members)
    decay, pull = (0.0, transfer.l2sp) if transfer.l2sp > 0 else (optim.weight_decay, 0.0)
    return [
        Group(weights, rate, decay, start, pull=pull, encoder=True),
        Group(rest, rate, 0.0, start, encoder=True),
    ]


def _by_dimension(members: Sequence[Named]) -> tuple[tuple[Named, ...], tuple[Named, ...]]:
    """Weights, and what has one dimension: biases and normalisation."""
    return tuple(m for m in members if m[1].ndim > 1), tuple(m for m in members if m[1].ndim <= 1)
