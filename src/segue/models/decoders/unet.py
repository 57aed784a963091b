"""U-Net's decoder (https://arxiv.org/abs/1505.04597) on any encoder, from segmentation_models_pytorch."""

from __future__ import annotations

from collections.abc import Sequence

from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from torch import Tensor, nn

from segue.errors import UsageError

WIDTHS = (256, 128, 64, 32, 16)  # of the blocks from the coarsest on; the library's default


class UNet(nn.Module):
    """Upsample, concatenate the encoder's map of that size, convolve twice; until its finest map.

    The library's own model goes one block further, to full resolution, where there is no map left to join and 16
    channels are convolved at four times the pixels; here the class scores are resized instead. When to use it: the
    default; fine structures, few images.
    """

    output_stride: int | None = None

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        blocks = len(channels) - 1
        if not 1 <= blocks <= len(WIDTHS):
            raise UsageError(
                f"decoder unet: expected 2 to {len(WIDTHS) + 1} feature maps, got {len(channels)}: use fcn"
            )
        self.used = tuple(range(len(channels)))
        self.out_channels = WIDTHS[blocks - 1]
        # the library counts the image itself as the first map, and never looks at how many channels it has
        self.blocks = UnetDecoder([0, *channels], WIDTHS[:blocks], n_blocks=blocks)

    def forward(self, features: list[Tensor]) -> Tensor:
        """The decoded map at the size of the finest encoder map."""
        return self.blocks([features[0], *features])  # type: ignore[no-any-return]
