"""FCN on a dilated encoder, as torchvision and MMSegmentation build it (https://arxiv.org/abs/1411.4038)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from segue.models.decoders.decoder import Decoder, before_last


class FCNDilated(Decoder):
    """One 3x3 convolution to a quarter of the channels on the last map, which dilation keeps at stride 8.

    With the head on it this is torchvision's `FCNHead` without its dropout, the auxiliary head included, so that
    torchvision's weights fit. Not the paper's network: the skips and the learned upsampling (`fcn8s`) gave way to
    dilation. When to use it: as the plain baseline of dilated networks; for torchvision's checkpoints.
    """

    output_stride: int | None = 8

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        self.used = (len(channels) - 1,)
        self.auxiliary = before_last(tuple(channels))
        self.out_channels = max(1, channels[-1] // 4)
        self.block = fcn_block(channels[-1], self.out_channels)

    def forward(self, features: list[Tensor]) -> Tensor:
        """The convolved map at the size of the last encoder map."""
        return self.block(features[-1])  # type: ignore[no-any-return]


def fcn_block(channels: int, width: int) -> nn.Sequential:
    """3x3 convolution, normalisation, rectifier: what a fully convolutional head has before its scores."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
    )
