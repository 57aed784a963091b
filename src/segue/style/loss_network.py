"""Loss networks: frozen features of a picture, by the names of their taps.

Nothing behind the deepest tap is built, loaded or run. Pictures go in as RGB from 0 to 1; the statistics of ImageNet
that the networks were trained with are inside.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from segue.errors import UsageError, WeightsError
from segue.models.encoders import Encoder, create_encoder, encoder_statistics, split_name
from segue.models.hub import fetch
from segue.models.naming import match_names
from segue.models.origin import file_source
from segue.models.source import Source
from segue.models.sources.torchvision import fetch_published
from segue.models.trunks.trunk import IMAGENET_MEAN, IMAGENET_STD
from segue.models.weight_file import read_weights
from segue.style.taps import NAMES, Layer, check_taps, up_to

WAYS_OUT = "give its weights as a file with --weights FILE, or choose another --preset or --network"
Features = dict[str, Tensor]


class Layers(nn.Module):
    """Layers one after another, with the features behind some of them."""

    def __init__(self, layers: Sequence[Layer], taps: Iterable[str]) -> None:
        super().__init__()
        wanted = set(taps)
        self.taps = tuple(layer.tap for layer in layers if layer.tap in wanted)
        self.layers = nn.ModuleList(_built(layer) for layer in layers)
        self.every_tap = {place: layer.tap for place, layer in enumerate(layers) if layer.tap}
        self._tapped = {place: layer.tap for place, layer in enumerate(layers) if layer.tap in wanted}
        self.smallest = _smallest(layers)

    def forward(self, values: Float[Tensor, "batch 3 height width"]) -> Features:
        """The features by tap."""
        features = {}
        for place, layer in enumerate(self.layers):
            values = layer(values)
            if place in self._tapped:
                features[self._tapped[place]] = values
        return features


class Strides(nn.Module):
    """An encoder whose maps are named by their strides; the part of a map that shows padding is cut off."""

    def __init__(self, encoder: Encoder, taps: Iterable[str]) -> None:
        super().__init__()
        wanted = set(taps)
        self.encoder = encoder
        self.taps = tuple(tap for stride in encoder.strides if (tap := f"stride{stride}") in wanted)
        self.smallest = 1

    def forward(self, values: Float[Tensor, "batch 3 height width"]) -> Features:
        """The features by tap."""
        height, width = values.shape[2:]
        tall, wide = self.encoder.padded(height, width)
        maps = self.encoder(functional.pad(values, (0, wide - width, 0, tall - height), mode="replicate"))
        features = {}
        for stride, found in zip(self.encoder.strides, maps, strict=True):
            if (tap := f"stride{stride}") in self.taps:
                tall, wide = (height + stride - 1) // stride, (width + stride - 1) // stride
                features[tap] = found[:, :, :tall, :wide]
        return features


Trunk = Layers | Strides


class LossNetwork(nn.Module):
    """A frozen network that gives the features at `taps`, each (batch, channels, height, width) behind a ReLU or block.

    `smallest` is the side a picture must at least have. With `precision` bf16, weights and features are bfloat16.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        trunk: Trunk,
        *,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.taps = trunk.taps
        self.smallest = trunk.smallest
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))
        self.dtype = torch.float32
        self.eval().requires_grad_(False)

    def prepared(self, device: torch.device, precision: str) -> LossNetwork:
        """Itself, on the device, in fp32 or bf16 and in the memory layout that convolutions are fastest in."""
        self.dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self.to(device)
        self.trunk.to(dtype=self.dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> Features:
        """The features at every tap, from shallow to deep."""
        values = ((pictures - self.mean) / self.std).to(self.dtype)
        return self.trunk(values.contiguous(memory_format=torch.channels_last))  # type: ignore[no-any-return]


class Fire(nn.Module):
    """SqueezeNet's module: a squeezing 1x1 convolution, then 1x1 and 3x3 ones side by side."""

    def __init__(self, channels: int, inner: int, out: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, inner, 1)
        self.expand1x1 = nn.Conv2d(inner, out // 2, 1)
        self.expand3x3 = nn.Conv2d(inner, out // 2, 3, padding=1)

    def forward(self, values: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch out height width"]:
        """The module's output."""
        squeezed = functional.relu(self.squeeze(values))
        return functional.relu(torch.cat([self.expand1x1(squeezed), self.expand3x3(squeezed)], 1))


def _built(layer: Layer) -> nn.Module:
    kinds: dict[str, Callable[[], nn.Module]] = {
        "conv": lambda: nn.Conv2d(layer.channels, layer.out, 3, padding=1),
        "stem": lambda: nn.Conv2d(layer.channels, layer.out, 3, stride=2),
        "relu": lambda: nn.ReLU(inplace=True),  # a tap is behind it, so nobody sees what it overwrites
        "pool": lambda: nn.MaxPool2d(2),
        "wide_pool": lambda: nn.MaxPool2d(3, stride=2, ceil_mode=True),
        "fire": lambda: Fire(layer.channels, layer.inner, layer.out),
    }
    return kinds[layer.kind]()


def _smallest(layers: Sequence[Layer]) -> int:
    """The side from which on every layer has something to give; the stem, unpadded, wants three pixels for one."""
    side = 1
    for layer in reversed(layers):
        side = {"pool": 2 * side, "wide_pool": 2 * side, "stem": 2 * side + 1}.get(layer.kind, side)
    return side


# --- by name ---------------------------------------------------------------------------------------------------------


def load_loss_network(name: str, taps: Sequence[str], weights: str = "hub") -> tuple[LossNetwork, Source]:
    """Build a network as far as its deepest tap and load what belongs there.

    Args:
        name: vgg16, vgg19 or squeezenet1_1 in torchvision's layout, or an encoder (`segue.models.encoders`).
        taps: names as `relu4_2`, `fire5` or `stride8`; see `segue.style.taps`.
        weights: "hub", or a .safetensors or .pth file; it may end behind the deepest tap.

    Raises:
        UsageError: there is no such network or tap.
        WeightsError: the weights cannot be had or read, or lack a layer in front of the deepest tap.
    """
    network = build_loss_network(name, taps)
    path, source = _file(name, weights)
    tensors = read_weights(path)
    if isinstance(network.trunk, Layers):
        _load_layers(network.trunk, tensors, name, source.name)
    else:
        load_encoder(network.trunk.encoder, tensors, name, source.name)
    return network, source


def build_loss_network(name: str, taps: Sequence[str]) -> LossNetwork:
    """The same with random weights; raises `UsageError` as `load_loss_network` does."""
    if not taps:
        raise UsageError(f"network {name}: expected at least one tap, got none")
    if name in NAMES:
        return LossNetwork(Layers(up_to(name, taps), taps))
    base, maps = split_name(name)
    with torch.device("meta"):  # its strides are known without filling it with random numbers
        strides = create_encoder(name).strides
    known = [f"stride{stride}" for stride in strides]
    if len(set(known)) < len(known):
        raise UsageError(f"network {name}: expected maps of different strides, got a plain transformer's: choose a CNN")
    check_taps(name, taps, known)
    deepest = max(known.index(tap) for tap in taps) + 1
    encoder = create_encoder(f"{base}@{min(deepest, maps or deepest)}")
    mean, std = encoder_statistics(base)
    return LossNetwork(Strides(encoder, taps), mean=mean, std=std)


def _file(name: str, weights: str) -> tuple[Path, Source]:
    if weights == "hub" and name not in NAMES:
        return fetch(split_name(name)[0], WAYS_OUT)
    path = fetch_published(name, WAYS_OUT) if weights == "hub" else Path(weights)
    return path, file_source(path)


def _load_layers(trunk: Layers, tensors: Mapping[str, Tensor], name: str, file: str) -> None:
    """Tensors as torchvision names them: `features.0.weight`, or `0.weight` where `features` was saved alone."""
    numbered = {re.sub(r"^features\.", "", key): tensor for key, tensor in tensors.items()}
    own = {key.removeprefix("layers."): tensor for key, tensor in trunk.state_dict().items()}
    missing = [key for key, tensor in own.items() if key not in numbered or numbered[key].shape != tensor.shape]
    if missing:
        complete = _complete_taps(trunk, missing)
        ends = f"those up to {complete[-1]} alone: choose taps up to there" if complete else f"no {missing[0]} of it"
        deepest = trunk.taps[-1]
        raise WeightsError(f"{file}: expected the weights of {name} up to {deepest}, got {ends}, or another file")
    with torch.no_grad():
        for key, tensor in own.items():
            tensor.copy_(numbered[key])


def _complete_taps(trunk: Layers, missing: Sequence[str]) -> list[str]:
    first = min(int(key.partition(".")[0]) for key in missing)
    return [tap for place, tap in trunk.every_tap.items() if place < first]


def load_encoder(encoder: Encoder, tensors: Mapping[str, Tensor], name: str, file: str) -> None:
    """Copy the tensors of a file into an encoder as far as it goes; raises `WeightsError` where one is missing."""
    own: dict[str, Tensor] = encoder.net.state_dict()
    match = match_names(own, tensors, encoder.stem().removeprefix("net."))
    missing = [key for key, tensor in own.items() if key not in match and tensor.is_floating_point()]
    if missing:
        raise WeightsError(
            f"{file}: expected the weights of {name}, got none for {missing[0]} ({len(missing)} of {len(own)} tensors "
            "are missing): choose shallower taps, or another file"
        )
    with torch.no_grad():
        for key, given in match.items():
            own[key].copy_(tensors[given])
