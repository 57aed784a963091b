"""Weights, gradients and moments in parts, one on each process: for networks that no single device can train.

torch gathers the weights of one block when it is about to compute, and drops those of the others afterwards (FSDP2,
https://arxiv.org/abs/2304.11277). The averaged weights are in parts as well: `Engine.average` holds them only while
somebody looks at it, which is when the run is validated or saved. What is computed is what unsharded processes compute,
up to the order of sums.

Whoever gathers waits for all others, so every function here that does so has to be called by all of them.
"""

from __future__ import annotations

import contextlib
import gc
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeGuard

import torch
from torch import Tensor, nn

from segue.errors import SegueError, UsageError
from segue.train.ema import tensors_of
from segue.train.processes import noticing

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor

BLOCK = 1_000_000  # weights, at least, that are gathered together: smaller messages cost more than they save
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def require_divisible(model: nn.Module) -> None:
    """Raise `UsageError` for a network with weights that FSDP does not take."""
    for name, parameter in model.named_parameters():
        if parameter.ndim == 0:
            raise UsageError(
                f"train.shard: expected weights that can be divided, got the single number {name}: leave --train.shard "
                "out, or use another --model.encoder"
            )


def shard(model: nn.Module, encoder: nn.Module, device: str, processes: int) -> None:
    """Leave this process its part of every weight of `model`; its optimiser has to be made afterwards.

    The blocks of `encoder` are gathered one at a time, all other weights for the whole of a step.
    """
    # here, since there are builds of torch without it
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, fully_shard

    # nothing here writes into scores
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view tensor")
    gc.collect()  # an earlier fold's parts, whose modules refer to each other
    model.to(memory_format=torch.contiguous_format)  # as FSDP asks
    mesh = init_device_mesh(device, (processes,))
    for module in (*blocks(encoder, BLOCK), model):
        fully_shard(module, mesh=mesh)
    for module in model.modules():
        if isinstance(module, FSDPModule):
            # losses are sums over all processes, so their gradients are not to be averaged
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)


def blocks(model: nn.Module, least: int) -> list[nn.Module]:
    """Elements of the model's lists and sequences that have `least` weights that are in no smaller such element.

    >>> [type(block).__name__ for block in blocks(nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.Linear(2, 2))), 6)]
    ['Linear', 'Linear']
    """
    found: list[nn.Module] = []
    times = Counter(id(parameter) for _, parameter in model.named_parameters(remove_duplicate=False))
    _rest(model, least, found, {parameter for parameter, count in times.items() if count > 1})
    return found


def _rest(module: nn.Module, least: int, found: list[nn.Module], shared: set[int]) -> int:
    """The number of weights of `module` that are in none of the blocks, to which those inside it are added."""
    count = sum(parameter.numel() for parameter in module.parameters(recurse=False))
    for child in module.children():
        rest = _rest(child, least, found, shared)
        # what is wrapped has to be called as a module; lists are not, and sequences may be walked instead
        listed = isinstance(module, (nn.Sequential, nn.ModuleList)) and not isinstance(child, CONTAINERS)
        # and no two may hold the same weight
        if listed and rest >= least and shared.isdisjoint(id(parameter) for parameter in child.parameters()):
            found.append(child)
        else:
            count += rest
    return count


def in_parts(tensor: Tensor) -> TypeGuard[DTensor]:
    """Whether each process has a part of the tensor; told by what such tensors alone have, see `shard`."""
    return hasattr(tensor, "device_mesh")


def own(tensor: Tensor) -> Tensor:
    """This process's part of a tensor, all of one that is not in parts; writing to it writes to the tensor."""
    return tensor.to_local() if in_parts(tensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """The tensor that the parts of all processes make up."""
    if not in_parts(tensor):
        return tensor
    with noticing(elsewhere=True):
        return tensor.full_tensor()


@torch.no_grad()
def put(target: Tensor, value: Tensor) -> None:
    """Copy `value`, a whole tensor, into `target`, of which this process may have a part."""
    assert target.shape == value.shape, f"{tuple(value.shape)} does not fit {tuple(target.shape)}"
    if not in_parts(target):
        target.copy_(value)
        return
    rank, size = target.device_mesh.get_local_rank(), target.device_mesh.size()
    pieces = value.chunk(size)
    if rank < len(pieces):  # of a few rows, not every process gets one
        target.to_local().copy_(pieces[rank])


def on_host(tensors: Mapping[str, Tensor], keep: bool) -> dict[str, Tensor]:
    """Whole copies in the host's memory, gathered one after another; none of them where `keep` is False."""
    copies = {}
    for name, tensor in tensors.items():
        gathered = whole(tensor.detach())
        if keep:
            copies[name] = gathered.cpu()
    return copies


def gather(average: nn.Module, parts: Iterable[Tensor] | None) -> None:
    """Bring `average` up to date with its `parts`; where there are none, it always is."""
    if parts is not None:
        for target, part in zip(tensors_of(average), parts, strict=True):
            target.copy_(whole(part))


@contextlib.contextmanager
def gathered(average: nn.Module, parts: Iterable[Tensor] | None, device: torch.device) -> Iterator[None]:
    """`gather`, on `device` for as long as somebody computes with it; otherwise it waits in the host's memory."""
    if parts is not None:
        try:
            average.to(device)
            gather(average, parts)
        except torch.OutOfMemoryError:
            raise SegueError(
                "out of memory for the averaged network, which is put together to be validated: use more processes, or "
                "a smaller --data.size"
            ) from None
    yield
    if parts is not None:
        average.to("cpu")
