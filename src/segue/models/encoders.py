"""Encoders: any timm model that gives feature maps, or a trunk of ours, with random weights and without the network.

A name is timm's (`resnet18`, `convnext_tiny.fb_in22k`) or a row of `TRUNKS` (`mit_b0`), optionally followed by `@N`:
only the first N feature maps are kept and everything behind them is left out (`resnet18@4` ends after layer3, at
stride 16).
"""

from __future__ import annotations

import logging
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from segue.errors import UsageError
from segue.models.licences import TIMM_CODE
from segue.models.stages import group_stages
from segue.models.timm_networks import all_maps, check_name, config_of, first_maps
from segue.models.trunks import TRUNKS
from segue.models.trunks.trunk import IMAGENET_MEAN, IMAGENET_STD, Trunk
from segue.models.twins import TWINS

log = logging.getLogger("segue")
TAKEN_OVER = ("torchvision:", "smp:", "transformers:")  # encoders of networks that come whole, with a checkpoint
SMALLEST = 32  # pixels: what the last map of most networks needs, and PVT cut short by @N still does
UNPADDED_SMALLEST = 96  # pixels: Inception v3 needs 75 and v4 about as many


class Encoder(nn.Module):
    """A feature extractor that takes RGB or any number of channels and returns maps from fine to coarse.

    `channels` and `strides` describe the maps. A plain ViT gives maps of one stride (`plain` is true); the others halve
    from map to map. Height and width of the input must be multiples of `multiple` and at least `smallest`; a network
    that exists for one input size only (`fixed_size`) sees the image resized to it, its aspect ratio lost.
    """

    def __init__(self, net: nn.Module, *, smallest: int = SMALLEST, fixed_size: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.net = net
        info: Any = net.feature_info
        self.channels: tuple[int, ...] = tuple(info.channels())
        self.strides: tuple[int, ...] = tuple(info.reduction())
        self.multiple = max(self.strides)
        self.smallest = smallest
        self.fixed_size = fixed_size
        self._channels_last = "NHWC" in str(getattr(net, "output_fmt", ""))

    @property
    def plain(self) -> bool:
        """Whether all maps have one stride, as a plain ViT's do."""
        return len(self.strides) > 1 and len(set(self.strides)) == 1

    def padded(self, height: int, width: int) -> tuple[int, int]:
        """The size an image of `height` x `width` pixels has to be padded to."""
        tall, wide = max(height, self.smallest), max(width, self.smallest)
        step = self.multiple  # nothing negative is divided: an exported graph would round that to 0
        return (tall + step - 1) // step * step, (wide + step - 1) // step * step

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> list[Tensor]:
        """Feature maps (batch, channels[i], about height / strides[i], about width / strides[i]), fine to coarse."""
        if self.fixed_size is not None:
            # in float32: the CPU has no antialiased kernel for bfloat16
            resized = functional.interpolate(images.float(), self.fixed_size, mode="bilinear", antialias=True)
            images = resized.to(images.dtype)
        maps: list[Tensor] = list(self.net(images))
        return [m.permute(0, 3, 1, 2) for m in maps] if self._channels_last else maps

    def stages(self) -> tuple[tuple[nn.Module, ...], ...]:
        """Modules grouped by the map they lead to, stem first; every parameter is in exactly one group."""
        return group_stages(self.net)

    def stem(self) -> str:
        """Name (below this module) of the weight of the first convolution, the one that sees the image channels."""
        return next(f"{name}.weight" for name, module in self.named_modules() if isinstance(module, nn.Conv2d))


def create_encoder(
    name: str, in_channels: int = 3, output_stride: int | None = None, *, predicting: bool = False
) -> Encoder:
    """Build an encoder with random weights; nothing is downloaded.

    `output_stride` (8 or 16) asks for dilation instead of the last strides; a network that has no dilated form is
    built without and the log says so. `predicting` says that it will not be trained: then its twin may take its place,
    which needs no import of timm. Raises `UsageError` for an unknown name, tag or number of maps.
    """
    twin = name.partition(".")[0]  # what follows is the tag of its weights
    if predicting and output_stride is None and twin in TWINS and "@" not in name:  # a twin gives all its maps
        return Encoder(TWINS[twin](in_channels))
    base, maps = split_name(name)
    if base.startswith(TAKEN_OVER):
        raise UsageError(f"encoder {name} comes with a checkpoint: name that with --model.weights, and leave this out")
    if base in TRUNKS:
        return Encoder(_trunk_network(base, maps, in_channels, output_stride))
    if maps is None:
        net = all_maps(base, in_channels, output_stride)
    else:
        net = first_maps(base, maps, in_channels, output_stride)
    config = pretrained_config(base)
    encoder = Encoder(net, smallest=UNPADDED_SMALLEST if _is_unpadded(net) else SMALLEST)
    if config.get("fixed_input_size") and not _takes_any_size(encoder, in_channels):
        height, width = config["input_size"][1:]
        log.info("encoder %s takes one input size: images are resized to %dx%d for it", name, height, width)
        return Encoder(net, fixed_size=(height, width))
    return encoder


def split_name(name: str) -> tuple[str, int | None]:
    """Split `resnet18@4` into the network's name and the number of maps (None when not given); checks the name.

    The encoder of a network taken over whole (`smp:resnet34`) has no maps to choose from; its checkpoint checks it.
    """
    if name.startswith(TAKEN_OVER):
        return name, None
    base, at, count = name.partition("@")
    if at and not count.isdecimal():
        raise UsageError(f"encoder {name}: expected a number of feature maps after @, as in {base}@4, got {count!r}")
    if base not in TRUNKS:
        check_name(base)
    return base, int(count) if at else None


def encoder_statistics(name: str, in_channels: int = 3) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel (0-1 scale) of the images the network was pretrained on.

    One channel gets the average over RGB; more than three repeat RGB cyclically, as the stem's weights do.
    """
    config = pretrained_config(split_name(name)[0])
    return per_channel(config["mean"], in_channels), per_channel(config["std"], in_channels)


def pretrained_config(name: str) -> dict[str, Any]:
    """What is known about the pretrained weights of a name without `@N`, in timm's terms.

    `mean` and `std` are always there; `hf_hub_id` and `license` are when somebody publishes weights.
    """
    config: dict[str, Any] = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    if name not in TRUNKS:
        return config | config_of(name)
    source = TRUNKS[name].pretrained
    if source is not None:
        config |= {"mean": source.mean, "std": source.std, "hf_hub_id": source.hub, "license": source.licence}
    return config


def code_licence(name: str) -> str:
    """The licence of the network's code, for a name without `@N`."""
    base = name.rpartition(":")[2]  # segmentation_models_pytorch has our trunks under the same names
    return str(TRUNKS[base].licence) if base in TRUNKS else TIMM_CODE


def per_channel(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    """Values of RGB for images of another number of channels, as `encoder_statistics` says."""
    if channels == 1:
        return (sum(values) / len(values),)
    return tuple(values[i % len(values)] for i in range(channels))


def _trunk_network(name: str, maps: int | None, in_channels: int, output_stride: int | None) -> nn.Module:
    trunk: Trunk = TRUNKS[name]
    available = len(trunk.channels)
    if maps is not None and not 1 <= maps <= available:
        raise UsageError(f"encoder {name}: expected a number of maps from 1 to {available} after @, got {maps}")
    if output_stride is not None and output_stride < max(trunk.strides):
        log.info("encoder %s has no dilated form: it keeps its stride of %d", name, max(trunk.strides))
    return trunk.network(in_channels, maps or available)


def _is_unpadded(net: nn.Module) -> bool:
    """Whether convolutions without padding shrink the maps, so that a small image would vanish (Inception)."""
    convolutions = (module for module in net.modules() if type(module) is nn.Conv2d)
    return any(c.kernel_size == (3, 3) and c.stride == (1, 1) and c.padding == (0, 0) for c in convolutions)


def _takes_any_size(encoder: Encoder, in_channels: int) -> bool:
    side = encoder.multiple
    training = encoder.training
    encoder.eval()
    try:
        with torch.no_grad():
            encoder(torch.zeros(1, in_channels, 2 * side, 3 * side))
    except (AssertionError, RuntimeError, ValueError):
        return False
    finally:
        encoder.train(training)
    return True
