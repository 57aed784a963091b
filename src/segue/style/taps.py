"""Names of the places in a loss network where features are taken, and what a network is made of up to there.

VGG's taps are named as in the literature, `relu4_2` for the activation behind the second convolution of the fourth
block; SqueezeNet's after its modules; those of an encoder after their stride (`stride8`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from segue.errors import UsageError
from segue.table import did_you_mean

WIDTHS = (64, 128, 256, 512, 512)  # channels of VGG's blocks
CONVOLUTIONS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}  # of each block; table 1 of the paper, D and E
SQUEEZENET = "squeezenet1_1"
FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))  # squeeze, expand
POOLED_BEFORE = (0, 2, 4)  # the modules of these positions have a pooling in front
NAMES = (*CONVOLUTIONS, SQUEEZENET)  # networks in torchvision's layout; every other name is an encoder's


@dataclass(frozen=True)
class Layer:
    """One layer of torchvision's `features`: its kind, channels in and out, and the tap behind it, "" for none.

    Kinds: conv (3x3, padded), stem (3x3 with stride 2), relu, pool (2x2), wide_pool (3x3, rounded up) and fire, whose
    `inner` are the channels between its two halves.
    """

    kind: str
    channels: int
    out: int
    tap: str = ""
    inner: int = 0


def layers_of(network: str) -> tuple[Layer, ...]:
    """The layers of `vgg16`, `vgg19` or `squeezenet1_1`, in the order of torchvision's `features`."""
    return _squeezenet() if network == SQUEEZENET else _vgg(CONVOLUTIONS[network])


def _vgg(convolutions: Sequence[int]) -> tuple[Layer, ...]:
    """https://arxiv.org/abs/1409.1556."""
    layers, channels = [], 3
    for block, (count, width) in enumerate(zip(convolutions, WIDTHS, strict=True), 1):
        for number in range(1, count + 1):
            layers.append(Layer("conv", channels, width))
            layers.append(Layer("relu", width, width, f"relu{block}_{number}"))
            channels = width
        layers.append(Layer("pool", width, width))
    return tuple(layers)


def _squeezenet() -> tuple[Layer, ...]:
    """https://arxiv.org/abs/1602.07360, version 1.1; its modules are numbered from 2 as in the paper."""
    layers, channels = [Layer("stem", 3, 64), Layer("relu", 64, 64, "relu1")], 64
    for position, (inner, half) in enumerate(FIRES):
        if position in POOLED_BEFORE:
            layers.append(Layer("wide_pool", channels, channels))
        layers.append(Layer("fire", channels, 2 * half, f"fire{position + 2}", inner))
        channels = 2 * half
    return tuple(layers)


def up_to(network: str, taps: Iterable[str]) -> tuple[Layer, ...]:
    """The layers as far as the deepest of `taps`; raises `UsageError` for a tap the network does not have."""
    layers = layers_of(network)
    places = {layer.tap: place for place, layer in enumerate(layers) if layer.tap}
    check_taps(network, taps, list(places))
    return layers[: max(places[tap] for tap in taps) + 1]


def check_taps(network: str, taps: Iterable[str], known: Sequence[str]) -> None:
    """Raise `UsageError`, with the nearest names, for the first of `taps` that is not `known`."""
    for tap in taps:
        if tap not in known:
            near = did_you_mean(tap, list(known))
            listed = near if near.startswith("did") else f"its taps are {', '.join(known)}"
            raise UsageError(f"network {network} has no tap {tap!r}: {listed}")
