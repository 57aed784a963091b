"""U-Net++ (https://arxiv.org/abs/1807.10165): U-Net with nested, dense skips, from segmentation_models_pytorch."""

from __future__ import annotations

from collections.abc import Sequence

from segmentation_models_pytorch.decoders.unetplusplus.decoder import UnetPlusPlusDecoder
from torch import Tensor, nn

from segue.models.decoders.decoder import Decoder
from segue.models.decoders.halving import halving
from segue.models.decoders.widths import widths


class UNetPlusPlus(Decoder):
    """Between the encoder's map and U-Net's block of the same size stand blocks that also see the next coarser ones.

    Deviations: it ends at the encoder's finest map, where the library convolves once more at twice that size; no deep
    supervision (the losses of the intermediate outputs), so nothing is pruned. When to use it: medical images and small
    structures, when four times the computation of `unet` is no obstacle.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        blocks = widths("unetplusplus", len(channels))
        self.used = tuple(range(len(channels)))
        self.out_channels = blocks[-1]
        # the library has a last block of its own behind the finest map: made with one channel and taken out
        self.nested = UnetPlusPlusDecoder([0, *channels], (*blocks, 1), n_blocks=len(blocks) + 1)
        self.nested.blocks[f"x_0_{self.nested.depth}"] = nn.Identity()

    def forward(self, features: list[Tensor]) -> Tensor:
        """The decoded map at the size of the finest encoder map."""
        maps = halving(features)
        return self.nested([maps[0], *maps])  # type: ignore[no-any-return]
