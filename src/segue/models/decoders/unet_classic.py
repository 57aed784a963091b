"""The expanding half of the classic U-Net (https://arxiv.org/abs/1505.04597), for the encoder `double_conv`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from segue.errors import UsageError
from segue.models.decoders.decoder import Decoder
from segue.models.trunks.double_conv import double_conv


class UNetClassic(Decoder):
    """Double by a 2x2 transposed convolution, join the encoder's map of that size, convolve twice; to full resolution.

    With `double_conv` this is the paper's network, 31 million weights from 64 to 1024 channels; see there for what
    differs. Nothing of it is pretrained: it takes `--transfer.mode scratch`. When to use it: as the baseline everybody
    knows, or for images no pretrained network has seen the like of; `unet` on a pretrained encoder needs fewer images.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        levels = range(len(channels))
        if tuple(strides) != tuple(2**i for i in levels) or tuple(channels) != tuple(
            channels[0] * 2**i for i in levels
        ):
            raise UsageError(
                "decoder unet_classic: expected the maps of encoder double_conv, at full resolution and halving, got "
                f"strides {', '.join(map(str, strides))}: use --model.encoder double_conv, or --model.decoder unet"
            )
        self.used = tuple(levels)
        self.out_channels = channels[0]
        self.enlarge = nn.ModuleList(nn.ConvTranspose2d(2 * width, width, 2, stride=2) for width in channels[:-1])
        self.convolve = nn.ModuleList(double_conv(2 * width, width) for width in channels[:-1])

    def forward(self, features: list[Tensor]) -> Tensor:
        """The decoded map at full resolution."""
        x = features[-1]
        for skip, enlarge, convolve in zip(
            reversed(features[:-1]), reversed(self.enlarge), reversed(self.convolve), strict=True
        ):
            x = convolve(torch.cat([skip, enlarge(x)], dim=1))
        return x
