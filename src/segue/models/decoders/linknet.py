"""LinkNet (https://arxiv.org/abs/1707.03718): adds skips instead of joining them, from segmentation_models_pytorch."""

from __future__ import annotations

from collections.abc import Sequence

from segmentation_models_pytorch.decoders.linknet.decoder import LinknetDecoder
from torch import Tensor

from segue.models.decoders.decoder import Decoder
from segue.models.decoders.halving import halving
from segue.models.decoders.widths import widths


class LinkNet(Decoder):
    """Narrow, enlarge by a transposed convolution, widen, add the encoder's map of that size; until its finest map.

    The library's own model goes one block further, to full resolution. When to use it: in place of `unet` where
    computation counts.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        blocks = len(widths("linknet", len(channels)))
        self.used = tuple(range(len(channels)))
        self.out_channels = channels[0]
        self.blocks = LinknetDecoder([0, *channels], n_blocks=blocks)

    def forward(self, features: list[Tensor]) -> Tensor:
        """The decoded map at the size of the finest encoder map."""
        maps = halving(features)
        return self.blocks([maps[0], *maps])  # type: ignore[no-any-return]
