"""timm models as feature extractors, with random weights: any input size, dilation, the first maps only.

Names here are timm's own, without `@N`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from segue.errors import UsageError
from segue.table import did_you_mean

log = logging.getLogger("segue")
PLAIN_MAPS = 4  # how many blocks of a plain ViT are tapped, evenly spaced, as BEiT and DPT do


def check_name(name: str) -> None:
    """Raise `UsageError`, with the nearest names, unless timm has this architecture and this pretrained tag."""
    import timm

    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        raise UsageError(f"unknown encoder {name!r}: {_suggest(architecture)}")
    tags = [full.partition(".")[2] for full in timm.list_models(f"{architecture}.*", pretrained=True)]
    if tag and tag not in tags:
        raise UsageError(f"encoder {architecture} has no pretrained tag {tag!r}: {did_you_mean(tag, tags)}")


def _suggest(architecture: str) -> str:
    import difflib

    import timm

    from segue.models.trunks import TRUNKS

    names = [*TRUNKS, *timm.list_models()]
    near = (
        difflib.get_close_matches(architecture, names, n=3, cutoff=0.6) or [n for n in names if architecture in n][:3]
    )
    return f"did you mean {' or '.join(near)}?" if near else "segue list encoders shows the names"


def config_of(name: str) -> dict[str, Any]:
    """What timm knows about the pretrained weights of a name: mean, std, input size, hub id, licence; may be empty."""
    import timm

    config = timm.get_pretrained_cfg(name)
    return dict(config.to_dict()) if config is not None else {}


def all_maps(name: str, in_channels: int, output_stride: int | None) -> Any:  # noqa: ANN401
    """An extractor of all feature maps; of a plain ViT, `PLAIN_MAPS` at even distances."""
    return _even_taps(_create(name, in_channels, output_stride))


def first_maps(name: str, maps: int, in_channels: int, output_stride: int | None) -> Any:  # noqa: ANN401
    """An extractor of the first `maps` feature maps, without what lies behind them."""
    from timm.models._features import FeatureGetterNet

    with torch.device("meta"):  # how many there are is known without filling a second network with random numbers
        whole = all_maps(name, in_channels, output_stride)
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
