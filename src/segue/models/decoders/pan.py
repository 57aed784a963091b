"""Pyramid Attention Network (https://arxiv.org/abs/1805.10180), from segmentation_models_pytorch."""

from __future__ import annotations

from collections.abc import Sequence

from segmentation_models_pytorch.decoders.pan.decoder import PANDecoder
from torch import Tensor
from torch.nn import functional

from segue.errors import UsageError
from segue.models.decoders.decoder import Decoder

LEVELS = 4
SMALLEST = 8  # pixels: the attention pyramid halves the last map three times


class PAN(Decoder):
    """A pyramid of three poolings weighs the pixels of the last map; going up, coarse maps weigh the channels of finer.

    The encoder is dilated to stride 16 where it can be; 32 channels throughout. A last map of fewer than 8 pixels a
    side is enlarged first, which the library refuses. When to use it: cheap global context, few weights.
    """

    output_stride: int | None = 16

    def __init__(self, channels: Sequence[int], strides: Sequence[int], width: int = 32) -> None:
        super().__init__()
        levels = min(LEVELS, len(channels))
        if levels < 2:
            raise UsageError("decoder pan: expected 2 feature maps or more, got 1: use --model.decoder fcn")
        self.used = tuple(range(len(channels)))[-levels:]
        self.out_channels = width
        # the library counts the image and the map at stride 2, and reads neither
        self.blocks = PANDecoder([0, 0, *channels[-levels:]], encoder_depth=levels + 1, decoder_channels=width)

    def forward(self, features: list[Tensor]) -> Tensor:
        """The decoded map at the size of the finest map used."""
        *finer, last = (features[i] for i in self.used)
        size = tuple(max(SMALLEST, side) for side in last.shape[-2:])
        if size != last.shape[-2:]:
            last = functional.interpolate(last, size, mode="bilinear")
        return self.blocks([last, last, *finer, last])  # type: ignore[no-any-return]
