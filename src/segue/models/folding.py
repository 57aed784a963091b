"""BatchNorm folded into the convolution before it, for a network that only predicts.

With its statistics fixed, BatchNorm multiplies each channel by a number and adds one, which the convolution's own
weights can do (https://arxiv.org/abs/1712.05877, section 3.2). One pass over every map falls away, and the result is
the same up to rounding (`benchmarks/latency.py` measures both).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from segue.models.build import SegmentationModel
from segue.models.decoders.single_value import SingleValueBatchNorm2d

TIMM_NORM = ("timm.layers.norm_act", "BatchNormAct2d")  # normalises, then calls its `act`
SIDE = 64  # pixels of the image the network is watched with
_ABOUT = (bool, int, float, str, torch.Size, torch.device, torch.dtype, torch.layout)  # says what a tensor is like


def fold_batch_norm(model: SegmentationModel) -> int:
    """Fold, in place, every BatchNorm that reads a convolution which nothing else reads; gives how many there were.

    Which layer follows which is not told from names or order but watched while the network runs once. Layers stay as
    they are where one of them runs more than once, where something else reads what the convolution gives, and where
    its weights are made anew on each call (weight standardisation, LoRA before it is merged). The model
    cannot train on.
    """
    assert not model.training, "statistics are fixed in evaluation mode alone"
    convolutions = {id(module.weight): module for module in model.modules() if _holds_its_weight(module)}
    norms = {id(module.running_mean): name for name, module in model.named_modules() if _foldable(module)}
    one = next(iter(convolutions.values())).weight
    watch = _Watch()
    with torch.no_grad(), watch:
        model(torch.zeros(1, model.spec.in_channels, SIDE, SIDE, dtype=one.dtype, device=one.device))
    pairs = [(weight, mean) for weight, mean in watch.pairs() if weight in convolutions and mean in norms]
    for weight, mean in pairs:
        parent, _, child = norms[mean].rpartition(".")
        norm: Any = model.get_submodule(norms[mean])
        _fold(convolutions[weight], norm)
        setattr(model.get_submodule(parent), child, getattr(norm, "act", nn.Identity()))
    return len(pairs)


def _holds_its_weight(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Whether this is a convolution with a weight of its own; one that is computed is gone, and its id used again."""
    return isinstance(module, nn.Conv2d) and module._parameters.get("weight") is module.weight


def _foldable(module: nn.Module) -> bool:
    kind = type(module)
    # timm's is told by its name: a network that has none may be loaded without timm, whose import takes seconds
    known = kind in (nn.BatchNorm2d, SingleValueBatchNorm2d) or (kind.__module__, kind.__name__) == TIMM_NORM
    return known and module.running_mean is not None


@torch.no_grad()
def _fold(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    assert norm.running_mean is not None and norm.running_var is not None  # noqa: PT018 - for the type checker
    dtype = convolution.weight.dtype
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.weight is not None:
        scale *= norm.weight.double()
    shift = -norm.running_mean.double()
    if convolution.bias is not None:
        shift += convolution.bias.double()
    shift *= scale
    if norm.bias is not None:
        shift += norm.bias.double()
    weight = convolution.weight.double() * scale[:, None, None, None]
    convolution.weight = nn.Parameter(weight.to(dtype), requires_grad=False)
    convolution.bias = nn.Parameter(shift.to(dtype), requires_grad=False)


class _Watch(TorchFunctionMode):
    """Notes what every convolution gives, and what reads it."""

    def __init__(self) -> None:
        super().__init__()
        self._given: dict[int, tuple[int, Tensor]] = {}  # a map -> whose weight made it; kept, or its id is used again
        self._readers: Counter[int] = Counter()
        self._runs: Counter[int] = Counter()
        self._norms: list[tuple[int, int]] = []  # maps of convolutions, and the running means they are normalised with

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,  # noqa: ANN401 - torch's protocol
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Run `func` and look at what went in and out."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if not isinstance(result, _ABOUT):
            self._readers.update(id(tensor) for tensor in _tensors((args, kwargs.values())))
        if func is functional.conv2d:
            self._given[id(result)] = (id(args[1]), result)
            self._readers[id(result)] = 0  # a tensor that is gone may have had this id
            self._runs[id(args[1])] += 1
        elif func is functional.batch_norm:
            self._runs[id(args[1])] += 1
            if id(args[0]) in self._given:
                self._norms.append((id(args[0]), id(args[1])))
        return result

    def pairs(self) -> list[tuple[int, int]]:
        """Ids of a weight and of the running mean behind it, where each ran once and nothing else read in between."""
        found = [(self._given[map_][0], mean) for map_, mean in self._norms if self._readers[map_] == 1]
        return [(weight, mean) for weight, mean in found if self._runs[weight] == self._runs[mean] == 1]


def _tensors(things: Iterable[Any]) -> Iterator[Tensor]:
    for thing in things:
        if isinstance(thing, Tensor):
            yield thing
        elif not isinstance(thing, str) and isinstance(thing, Iterable):
            yield from _tensors(thing)
