"""U-Net's decoder (https://arxiv.org/abs/1505.04597) on any encoder, from segmentation_models_pytorch."""

from __future__ import annotations

from collections.abc import Sequence

from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from torch import Tensor

from segue.models.decoders.decoder import Decoder
from segue.models.decoders.widths import widths


class UNet(Decoder):
    """Upsample, concatenate the encoder's map of that size, convolve twice; until its finest map.

    The library's own model goes one block further, to full resolution, where there is no map left to join and 16
    channels are convolved at four times the pixels; here the class scores are resized instead. When to use it: the
    default; fine structures, few images.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        blocks = widths("unet", len(channels))
        self.used = tuple(range(len(channels)))
        self.out_channels = blocks[-1]
        # the library counts the image itself as the first map, and never looks at how many channels it has
        self.blocks = UnetDecoder([0, *channels], blocks, n_blocks=len(blocks))

    def forward(self, features: list[Tensor]) -> Tensor:
        """The decoded map at the size of the finest encoder map."""
        return self.blocks([features[0], *features])  # type: ignore[no-any-return]
