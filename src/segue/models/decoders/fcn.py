"""A minimal fully convolutional decoder (https://arxiv.org/abs/1411.4038): project, add up, smooth."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from segue.models.decoders.decoder import Decoder


class FCN(Decoder):
    """The maps from stride 8 on, each projected by a 1x1 convolution, added at the finest of them, then one 3x3.

    FCN-8s adds class scores after learned upsampling; here features are added after bilinear upsampling and the scores
    come from the head (`fcn8s` is the paper's way). When to use it: as the cheapest baseline, and on frozen features.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int], width: int = 128) -> None:
        super().__init__()
        self.first = next((i for i, stride in enumerate(strides) if stride >= 8), len(strides) - 1)
        self.used = tuple(range(self.first, len(channels)))
        self.out_channels = width
        self.project = nn.ModuleList(nn.Conv2d(count, width, 1, bias=False) for count in channels[self.first :])
        self.norm = nn.BatchNorm2d(width)
        self.smooth = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """The fused map at the size of `features[self.first]`."""
        used = features[self.first :]
        size = used[0].shape[-2:]
        projected = [layer(map_) for layer, map_ in zip(self.project, used, strict=True)]
        resized = [functional.interpolate(map_, size, mode="bilinear") for map_ in projected[1:]]
        fused = torch.stack([projected[0], *resized]).sum(0)
        return self.smooth(functional.relu(self.norm(fused)))  # type: ignore[no-any-return]
