"""PSPNet's pyramid pooling (https://arxiv.org/abs/1612.01105), from segmentation_models_pytorch."""

from __future__ import annotations

from collections.abc import Sequence

from segmentation_models_pytorch.decoders.pspnet.decoder import PSPDecoder
from torch import Tensor

from segue.models.decoders.decoder import Decoder, before_last


class PSPNet(Decoder):
    """The last map joined with its averages over 1, 4, 9 and 36 regions (bins 1, 2, 3, 6).

    The encoder is dilated to stride 8 where it can be, and an auxiliary head learns on the map before the last, as in
    the paper; no dropout. When to use it: scenes whose context tells the class; expensive with a dilated encoder.
    """

    output_stride: int | None = 8

    def __init__(self, channels: Sequence[int], strides: Sequence[int], width: int = 512) -> None:
        super().__init__()
        self.pooling = PSPDecoder(list(channels), out_channels=width, dropout=0.0)
        self.used = (len(channels) - 1,)
        self.auxiliary = before_last(tuple(channels))
        self.out_channels = width

    def forward(self, features: list[Tensor]) -> Tensor:
        """The pooled map at the size of the last encoder map."""
        return self.pooling(features)  # type: ignore[no-any-return]
