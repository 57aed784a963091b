"""DeepLabV3 (https://arxiv.org/abs/1706.05587): atrous spatial pyramid pooling, from segmentation_models_pytorch."""

from __future__ import annotations

from collections.abc import Sequence

from segmentation_models_pytorch.decoders.deeplabv3.decoder import DeepLabV3Decoder
from torch import Tensor

from segue.models.decoders.decoder import Decoder, before_last


class DeepLabV3(Decoder):
    """Dilated convolutions at several rates and the image's average on the last map, joined and convolved.

    The encoder is dilated to stride 8 where it can be; the rates (12, 24, 36 at stride 8) follow the stride it has.
    An auxiliary head learns on the map before the last, as in torchvision, whose weights fit. No dropout. When to use
    it: large objects and context; `deeplabv3plus` has the finer outline and costs less.
    """

    output_stride: int | None = 8

    def __init__(self, channels: Sequence[int], strides: Sequence[int], width: int = 256) -> None:
        super().__init__()
        rates = tuple(max(1, rate * 8 // strides[-1]) for rate in (12, 24, 36))
        self.blocks = DeepLabV3Decoder(channels[-1], width, rates, aspp_separable=False, aspp_dropout=0.0)
        self.used = (len(channels) - 1,)
        self.auxiliary = before_last(tuple(channels))
        self.out_channels = width

    def forward(self, features: list[Tensor]) -> Tensor:
        """The pooled map at the size of the last encoder map."""
        return self.blocks(features)  # type: ignore[no-any-return]
