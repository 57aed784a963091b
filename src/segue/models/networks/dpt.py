"""DPT (https://arxiv.org/abs/2103.13413) on a plain ViT, from transformers."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from segue.errors import UsageError
from segue.models.networks.huggingface import Network, Trunk, encoder_of
from segue.models.networks.network import Parts, Wrapped


def split(model: Any) -> Parts:  # noqa: ANN401
    """The parts of a `DPTForSemanticSegmentation`; its auxiliary head is left out.

    Raises `UsageError` for the hybrid on a ResNet, of which no segmentation network is published.
    """
    config = model.config
    if config.is_hybrid or config.backbone_config is not None:
        raise UsageError("network dpt: expected one on its own ViT, got a hybrid or one on another backbone")
    block = model.head.head
    blocks = sorted(config.backbone_out_indices)
    trunk = Trunk(model.dpt, _Taps(blocks))
    encoder = encoder_of(
        trunk,
        (config.hidden_size,) * len(blocks),
        (config.patch_size,) * len(blocks),
        tuple(f"encoder.layer.{number}" for number in blocks),
    )
    decoder = Wrapped(_Neck(model.neck, block[:-2], config.head_in_index), len(blocks), config.fusion_hidden_size)
    # the classes are read before the last enlargement, which is cheaper with few channels
    return Parts(encoder, decoder, nn.Sequential(OrderedDict(classifier=block[-2], enlarge=block[-1])))


class _Taps:
    """The outputs of some blocks: their patches as maps, then their class tokens (batch, 1, channels)."""

    def __init__(self, blocks: list[int]) -> None:
        self.blocks = blocks

    def __call__(self, model: Any, images: Tensor) -> list[Tensor]:  # noqa: ANN401
        states = model(images, output_hidden_states=True).hidden_states[1:]  # the first is what enters block 0
        rows = images.shape[-2] // model.config.patch_size
        patches = [states[number][:, 1:].transpose(1, 2).unflatten(2, (rows, -1)) for number in self.blocks]
        return patches + [states[number][:, :1] for number in self.blocks]


class _Neck(nn.Module):
    """Reassembly and fusion, then the convolution before the classes."""

    def __init__(self, neck: nn.Module, convolve: nn.Module, level: int) -> None:
        super().__init__()
        self.neck = neck
        self.convolve = convolve
        self.level = level

    def forward(self, features: list[Tensor]) -> Tensor:
        count = len(features) // 2
        pairs = zip(features[count:], features[:count], strict=True)
        states = [torch.cat([token, map_.flatten(2).transpose(1, 2)], dim=1) for token, map_ in pairs]
        height, width = features[0].shape[-2:]
        # transformers' own forward leaves the grid out, and with it all images that are not square
        return self.convolve(self.neck(states, height, width)[self.level])  # type: ignore[no-any-return]


NETWORK = Network("DPTForSemanticSegmentation", split)
