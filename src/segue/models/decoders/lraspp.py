"""LR-ASPP, the light decoder of MobileNetV3 (https://arxiv.org/abs/1905.02244, section 6.4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from segue.models.decoders.decoder import Decoder


class LRASPP(Decoder):
    """The last map, gated by its own average, beside the map at stride 8.

    The encoder is dilated to stride 16 where it can be. The paper adds class scores of both maps; here both are put
    side by side and the head reads the classes from them, which is the same sum. The gate averages the whole map as in
    torchvision, not 49x49 windows as in the paper. When to use it: phones and CPUs, with `mobilenetv3_large_100`.
    """

    output_stride: int | None = 16

    def __init__(self, channels: Sequence[int], strides: Sequence[int], width: int = 128) -> None:
        super().__init__()
        last = len(channels) - 1
        self.fine = next((i for i, stride in enumerate(strides) if stride >= 8), last)
        self.used = (self.fine, last)
        self.out_channels = width + channels[self.fine]
        self.context = nn.Sequential(
            nn.Conv2d(channels[last], width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels[last], width, 1, bias=False))

    def forward(self, features: list[Tensor]) -> Tensor:
        """Context and detail side by side, at the size of the map at stride 8."""
        fine, coarse = features[self.fine], features[-1]
        context = self.context(coarse) * self.gate(coarse).sigmoid()
        return torch.cat([functional.interpolate(context, fine.shape[-2:], mode="bilinear"), fine], dim=1)
