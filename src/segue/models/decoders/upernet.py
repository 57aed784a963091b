"""UPerNet (https://arxiv.org/abs/1807.10221): pooling on a feature pyramid, from segmentation_models_pytorch."""

from __future__ import annotations

from collections.abc import Sequence

from segmentation_models_pytorch.decoders.upernet.decoder import UPerNetDecoder
from torch import Tensor

from segue.errors import UsageError
from segue.models.decoders.decoder import Decoder, before_last

LEVELS = 4


class UPerNet(Decoder):
    """The last map pooled as in PSPNet, passed down a pyramid over the four coarsest maps, all levels joined.

    The library normalises each map first, as Swin's and ConvNeXt's authors do. An auxiliary head learns on the map
    before the last. When to use it: Swin, ConvNeXt and other strong encoders; it is what their papers report.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int], width: int = 256) -> None:
        super().__init__()
        levels = min(LEVELS, len(channels))
        if levels < 2:
            raise UsageError("decoder upernet: expected 2 feature maps or more, got 1: use --model.decoder pspnet")
        self.used = tuple(range(len(channels)))[-levels:]
        self.auxiliary = before_last(tuple(channels))
        self.out_channels = width
        # the library counts the image and the map at stride 2, and reads neither
        self.blocks = UPerNetDecoder([0, 0, *channels[-levels:]], encoder_depth=levels + 1, decoder_channels=width)

    def forward(self, features: list[Tensor]) -> Tensor:
        """The joined pyramid at the size of the fourth-coarsest map."""
        used = [features[i] for i in self.used]
        return self.blocks([used[0], used[0], *used])  # type: ignore[no-any-return]
