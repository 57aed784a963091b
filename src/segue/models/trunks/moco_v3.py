"""The ViTs of MoCo v3 (https://arxiv.org/abs/2104.02057), whose small one has twelve attention heads, not timm's six.

The tensors of both have the same shapes, so a file of one loads into the other without a complaint and computes
something else: hence names of their own. The authors publish the weights as files (`vit-s-300ep.pth.tar`,
`vit-b-300ep.pth.tar`, CC BY-NC 4.0), not on the hub.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from torch import nn

from segue.errors import WeightsError
from segue.models.trunks.trunk import Trunk

ITS_SIGN = "base_encoder.blocks.0.attn.qkv.weight"  # a tensor of every file of MoCo v3 that holds a ViT
BLOCKS = (2, 5, 8, 11)  # the tapped ones of twelve, at even distances as in all plain ViTs here
HEADS = 12
WIDTH = 384  # of the small one


def _network(architecture: str, in_channels: int, maps: int) -> Any:  # noqa: ANN401 - timm is not typed
    import timm

    return timm.create_model(
        architecture,
        features_only=True,
        in_chans=in_channels,
        num_heads=HEADS,
        dynamic_img_size=True,
        out_indices=BLOCKS[:maps],
    )


def _trunk(architecture: str, width: int) -> Trunk:
    return Trunk(
        build=partial(_network, architecture),
        channels=(width,) * len(BLOCKS),
        strides=(16,) * len(BLOCKS),
        taps=tuple(f"blocks.{block}" for block in BLOCKS),
    )


vit_small_patch16_mocov3 = _trunk("vit_small_patch16_224", WIDTH)
vit_base_patch16_mocov3 = _trunk("vit_base_patch16_224", 768)


def check_heads(net: nn.Module, names: Iterable[str]) -> None:
    """Raise `WeightsError` when these tensor names are MoCo v3's and the network is timm's small ViT."""
    block: Any = next((module for name, module in net.named_modules() if name.endswith("blocks.0.attn")), None)
    if ITS_SIGN in names and block is not None and block.qkv.in_features == WIDTH and block.num_heads != HEADS:
        raise WeightsError(
            f"expected weights of a ViT with {block.num_heads} attention heads, got MoCo v3's with {HEADS} in tensors "
            "of the same shapes: --model.encoder vit_small_patch16_mocov3"
        )
