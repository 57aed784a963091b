"""Encoders: any timm model that gives feature maps, with random weights and without the network.

A name is timm's (`resnet18`, `convnext_tiny.fb_in22k`), optionally followed by `@N`: only the first N feature maps are
kept and everything behind them is left out (`resnet18@4` ends after layer3, at stride 16).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from segue.errors import UsageError
from segue.models.stages import group_stages
from segue.table import did_you_mean

log = logging.getLogger("segue")
SMALLEST = 32  # pixels: what the last map of most networks needs, and PVT cut short by @N still does
UNPADDED_SMALLEST = 96  # pixels: Inception v3 needs 75 and v4 about as many
PLAIN_MAPS = 4  # how many blocks of a plain ViT are tapped, evenly spaced, as BEiT and DPT do


class Encoder(nn.Module):
    """A timm feature extractor that takes RGB or any number of channels and returns maps from fine to coarse.

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
        sides = (max(height, self.smallest), max(width, self.smallest))
        return -(-sides[0] // self.multiple) * self.multiple, -(-sides[1] // self.multiple) * self.multiple

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


def create_encoder(name: str, in_channels: int = 3, output_stride: int | None = None) -> Encoder:
    """Build an encoder with random weights; nothing is downloaded.

    `output_stride` (8 or 16) asks for dilation instead of the last strides; a network that has no dilated form is
    built without and the log says so. Raises `UsageError` for an unknown name, tag or number of maps.
    """
    base, maps = split_name(name)
    if maps is None:
        net = _even_taps(_create(base, in_channels, output_stride))
    else:
        net = _first_maps(base, maps, in_channels, output_stride)
    config = pretrained_config(base)
    encoder = Encoder(net, smallest=UNPADDED_SMALLEST if _is_unpadded(net) else SMALLEST)
    if config.get("fixed_input_size") and not _takes_any_size(encoder, in_channels):
        height, width = config["input_size"][1:]
        log.info("encoder %s takes one input size: images are resized to %dx%d for it", name, height, width)
        return Encoder(net, fixed_size=(height, width))
    return encoder


def split_name(name: str) -> tuple[str, int | None]:
    """Split `resnet18@4` into timm's name and the number of maps (None when not given); checks that timm knows it."""
    import timm

    base, at, count = name.partition("@")
    if at and not count.isdecimal():
        raise UsageError(f"encoder {name}: expected a number of feature maps after @, as in {base}@4, got {count!r}")
    architecture, _, tag = base.partition(".")
    if not timm.is_model(architecture):
        raise UsageError(f"unknown encoder {base!r}: {_suggest(architecture)}")
    tags = [full.partition(".")[2] for full in timm.list_models(f"{architecture}.*", pretrained=True)]
    if tag and tag not in tags:
        raise UsageError(f"encoder {architecture} has no pretrained tag {tag!r}: {did_you_mean(tag, tags)}")
    return base, int(count) if at else None


def encoder_statistics(name: str, in_channels: int = 3) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel (0-1 scale) of the images the network was pretrained on.

    One channel gets the average over RGB; more than three repeat RGB cyclically, as the stem's weights do.
    """
    config = pretrained_config(split_name(name)[0])
    return _per_channel(config["mean"], in_channels), _per_channel(config["std"], in_channels)


def pretrained_config(name: str) -> dict[str, Any]:
    """What timm knows about the pretrained weights of a name: mean, std, input size, hub id, licence."""
    import timm

    config = timm.get_pretrained_cfg(name)
    return (
        dict(config.to_dict()) if config is not None else {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
    )


def _per_channel(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    if channels == 1:
        return (sum(values) / len(values),)
    return tuple(values[i % len(values)] for i in range(channels))


def _suggest(architecture: str) -> str:
    import difflib

    import timm

    names = timm.list_models()
    near = (
        difflib.get_close_matches(architecture, names, n=3, cutoff=0.6) or [n for n in names if architecture in n][:3]
    )
    return f"did you mean {' or '.join(near)}?" if near else "segue list encoders shows all names"


def _create(name: str, in_channels: int, output_stride: int | None, maps: int | None = None) -> Any:  # noqa: ANN401
    """Create timm's extractor, preferring what each family offers: any input size, dilation."""
    dilated: list[dict[str, Any]] = [{"output_stride": output_stride}] if output_stride else []
    options: list[dict[str, Any]] = [*dilated, {"dynamic_img_size": True}, {"strict_img_size": False}, {}]
    for option in options:
        net = _attempt(name, in_channels, option, maps)
        if net is not None:
            if output_stride and option not in dilated:
                log.info(
                    "encoder %s has no dilated form: it keeps its stride of %d", name, max(net.feature_info.reduction())
                )
            return net
    raise UsageError(f"encoder {name} gives no feature maps: choose another one (segue list encoders)")


def _attempt(name: str, in_channels: int, option: dict[str, Any], maps: int | None) -> Any:  # noqa: ANN401
    import timm

    taps: dict[str, Any] = {} if maps is None else {"out_indices": tuple(range(maps))}
    create: Callable[..., Any] = timm.create_model
    try:
        return create(name, pretrained=False, features_only=True, in_chans=in_channels, **taps, **option)
    except (TypeError, NotImplementedError, AssertionError, ValueError, RuntimeError) as error:
        # a family refuses an option it does not know in its own way; the next, plainer option is tried
        log.debug("timm refused %s with %s: %s", name, option, error)
        return None


def _even_taps(net: Any) -> Any:  # noqa: ANN401
    """For a plain ViT, tap blocks at even distances instead of timm's last three."""
    from timm.models._features import FeatureGetterNet

    depth = len(net.feature_info.info)
    plain = isinstance(net, FeatureGetterNet) and len({info["reduction"] for info in net.feature_info.info}) == 1
    if not plain or depth < PLAIN_MAPS:
        return net
    return FeatureGetterNet(net.model, out_indices=[(i + 1) * depth // PLAIN_MAPS - 1 for i in range(PLAIN_MAPS)])


def _first_maps(name: str, maps: int, in_channels: int, output_stride: int | None) -> Any:  # noqa: ANN401
    from timm.models._features import FeatureGetterNet

    with torch.device("meta"):  # how many there are is known without filling a second network with random numbers
        whole = _even_taps(_create(name, in_channels, output_stride))
    available = tuple(whole.feature_info.out_indices)
    if not 1 <= maps <= len(available):
        raise UsageError(f"encoder {name}: expected a number of maps from 1 to {len(available)} after @, got {maps}")
    if isinstance(whole, FeatureGetterNet):
        return FeatureGetterNet(_create(name, in_channels, output_stride).model, out_indices=list(available[:maps]))
    net = _create(name, in_channels, output_stride, maps)
    blocks = getattr(net, "blocks", None)
    last: str = net.feature_info.module_name()[-1]
    if isinstance(blocks, nn.Sequential) and last.startswith("blocks."):
        net.blocks = blocks[: int(last.split(".")[1]) + 1]  # timm's EfficientNet extractor keeps, and runs, all blocks
    return net


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
