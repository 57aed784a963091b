"""DeepLabV3+ (https://arxiv.org/abs/1802.02611), built from segmentation_models_pytorch's blocks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from segmentation_models_pytorch.decoders.deeplabv3.decoder import DeepLabV3PlusDecoder
from torch import Tensor
from torch.nn import functional

from segue.models.decoders.decoder import Decoder


class DeepLabV3Plus(Decoder):
    """Dilated convolutions at several rates on the last map, joined with the map at stride 4.

    The convolutions are depthwise-separable. The encoder is dilated to stride 16 where it can be; the rates (6, 12, 18
    at stride 16) follow the stride it has. No dropout. When to use it: large objects and context with a fine outline.
    """

    output_stride: int | None = 16

    def __init__(self, channels: Sequence[int], strides: Sequence[int], width: int = 256) -> None:
        super().__init__()
        self.fine = next((i for i, stride in enumerate(strides) if stride >= 4), len(strides) - 1)
        rates = tuple(max(1, rate * 16 // strides[-1]) for rate in (6, 12, 18))
        blocks = DeepLabV3PlusDecoder(
            [0, 0, channels[self.fine], channels[-1]],  # the library reads the third entry and the last
            encoder_depth=4,
            out_channels=width,
            atrous_rates=rates,
            output_stride=16,
            aspp_separable=True,
            aspp_dropout=0.0,
        )
        self.context = blocks.aspp
        self.outline = blocks.block1
        self.fuse = blocks.block2
        self.used = (self.fine, len(channels) - 1)
        self.out_channels = width

    def forward(self, features: list[Tensor]) -> Tensor:
        """The fused map at the size of the map at stride 4."""
        outline = self.outline(features[self.fine])
        context = functional.interpolate(self.context(features[-1]), outline.shape[-2:], mode="bilinear")
        return self.fuse(torch.cat([context, outline], dim=1))  # type: ignore[no-any-return]
