"""The feature pyramid decoder of Panoptic FPN (https://arxiv.org/abs/1901.02446), from segmentation_models_pytorch."""

from __future__ import annotations

from collections.abc import Sequence

from segmentation_models_pytorch.decoders.fpn.decoder import FPNDecoder
from torch import Tensor
from torch.nn import functional

from segue.errors import UsageError
from segue.models.decoders.decoder import Decoder
from segue.models.decoders.halving import halving

LEVELS = 4


class FPN(Decoder):
    """A top-down pyramid over the four coarsest maps; every level is brought to the finest one and added.

    No dropout, unlike the library's default of 0.2. When to use it: objects of very different sizes, fewer
    multiplications than U-Net at stride 2.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        if len(channels) < LEVELS:
            raise UsageError(
                f"decoder fpn: expected {LEVELS} feature maps or more, got {len(channels)}: use unet or fcn"
            )
        self.pyramid = FPNDecoder(list(channels[-LEVELS:]), encoder_depth=LEVELS, dropout=0.0)
        self.used = tuple(range(len(channels)))[-LEVELS:]
        self.out_channels: int = self.pyramid.out_channels

    def forward(self, features: list[Tensor]) -> Tensor:
        """The merged pyramid at the size of the fourth-coarsest map."""
        size = features[-LEVELS].shape[-2:]
        merged: Tensor = self.pyramid(halving(features[-LEVELS:]))
        return merged if merged.shape[-2:] == size else functional.interpolate(merged, size, mode="bilinear")
