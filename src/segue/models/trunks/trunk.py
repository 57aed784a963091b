"""What a row of `TRUNKS` is: an encoder network that is not timm's, and what is known about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from segue.models.maps import Maps

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Pretrained:
    """Where the weights of a trunk lie on the Hugging Face hub, under which licence, and what images they expect.

    `hub` is `owner/repository@revision`; the file there has the tensor names of the trunk. `mean` and `std` are those
    of RGB on a scale from 0 to 1.
    """

    hub: str
    licence: str
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


@dataclass(frozen=True)
class Trunk:
    """An encoder that is not timm's: how to build it, which maps it gives, where its pretrained weights are.

    `build(in_channels, maps)` makes the network with random weights. Its forward returns a list of the first `maps`
    feature maps (batch, channels[i], height / strides[i], width / strides[i]), from fine to coarse, for images whose
    sides are multiples of `max(strides)` and at least 32. `taps[i]` names the submodule that ends map i; submodules are
    registered in the order they are used, which is how stages are told apart. `pretrained` is None when nobody
    publishes weights: then it trains with `--transfer.mode scratch` or from a file. `licence` is that of the code.
    `decoder` is the one row of `DECODERS` that can read the maps, where no other one makes sense of them.
    """

    build: Callable[[int, int], nn.Module]
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    taps: tuple[str, ...]
    pretrained: Pretrained | None = None
    licence: str = "apache-2.0"
    decoder: str = ""

    def network(self, in_channels: int, maps: int) -> nn.Module:
        """Build the network; its `feature_info` describes the maps in the form timm's extractors have."""
        net = self.build(in_channels, maps)
        net.feature_info = Maps(self.channels[:maps], self.strides[:maps], self.taps[:maps])  # type: ignore[assignment]
        return net
