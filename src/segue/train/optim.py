"""The optimiser over the transfer groups, the schedule that moves their rates, and its state as named tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from segue.configs import OptimConfig
from segue.errors import RunError
from segue.train.optimizers import OPTIMIZERS
from segue.train.sharding import put
from segue.transfer.lr_groups import Group
from segue.transfer.schedules import rate_factor
from segue.transfer.schedules.warmup import warmup


def make_optimizer(groups: list[Group], optim: OptimConfig, device: str) -> torch.optim.Optimizer:
    """The optimiser `optim` names, with one parameter group per transfer group."""
    options = [
        {
            "params": [parameter for _, parameter in group.parameters],
            "names": [name for name, _ in group.parameters],
            "peak": group.lr,
            "lr": group.lr,
            "weight_decay": group.weight_decay,
            "start": group.start,
            "rewarm": group.rewarm,
            "pull": group.pull,
            "encoder": group.encoder,
        }
        for group in groups
    ]
    optimizer: torch.optim.Optimizer = OPTIMIZERS[optim.optimizer](options, optim, device)
    return optimizer


def set_rates(
    optimizer: torch.optim.Optimizer, progress: float, optim: OptimConfig, scores: Sequence[float] = ()
) -> None:
    """Set every group's learning rate for a step at `progress` (0-1), `scores` being the validation mIoUs so far."""
    for group in optimizer.param_groups:
        again = warmup(progress, group["rewarm"], optim.warmup) if 0 < group["rewarm"] <= progress else 1.0
        group["lr"] = group["peak"] * rate_factor(progress, group["start"], optim, scores) * again


def head_rate(optimizer: torch.optim.Optimizer) -> float:
    """The current learning rate of the decoder."""
    return float(next(group["lr"] for group in optimizer.param_groups if not group["encoder"]))


def state_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's moments by parameter name: `<parameter>.<moment>`."""
    named = _named(optimizer)
    return {
        f"{name}.{moment}": tensor
        for name, parameter in named.items()
        for moment, tensor in optimizer.state.get(parameter, {}).items()
    }


def restore_state(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put moments saved by `state_tensors` back; raises `RunError` for a parameter the optimiser does not have."""
    named = _named(optimizer)
    for key, tensor in tensors.items():
        name, _, moment = key.rpartition(".")
        if name not in named:
            raise RunError(
                f"the resume point holds {name}, which this network lacks: the run was made by another version"
            )
        parameter = named[name]
        if tensor.shape == parameter.shape:
            # in the parameter's memory layout: the fused update walks both by address, not by index
            like = torch.empty_like(parameter)
            put(like, tensor)
            tensor = like
        optimizer.state[parameter][moment] = tensor.to(parameter.device)


def _named(optimizer: torch.optim.Optimizer) -> dict[str, torch.nn.Parameter]:
    return {
        name: parameter
        for group in optimizer.param_groups
        for name, parameter in zip(group["names"], group["params"], strict=True)
    }
