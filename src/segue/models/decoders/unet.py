"""U-Net's decoder (https://arxiv.org/abs/1505.04597) on any encoder, as segmentation_models_pytorch has it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

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
        out = widths("unet", len(channels))
        self.used = tuple(range(len(channels)))
        self.out_channels = out[-1]
        below, skipped = (channels[-1], *out[:-1]), channels[-2::-1]
        joined = [Block(low + skip, wide) for low, skip, wide in zip(below, skipped, out, strict=True)]
        # the tensors have the names they have in the library, whose weights are read and whose blocks older runs hold
        self.blocks = nn.ModuleDict({"blocks": nn.ModuleList(joined)})

    def forward(self, features: list[Tensor]) -> Tensor:
        """The decoded map at the size of the finest encoder map."""
        decoded = features[-1]
        for block, skip in zip(self.blocks["blocks"], features[-2::-1], strict=True):  # type: ignore[call-overload]
            decoded = block(decoded, skip)
        return decoded


class Block(nn.Module):
    """Enlarge a map to the next finer one, join the two, and convolve twice."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = convolved(in_channels, out_channels)
        self.conv2 = convolved(out_channels, out_channels)

    def forward(
        self, coarse: Float[Tensor, "batch channels rows columns"], fine: Float[Tensor, "batch skipped height width"]
    ) -> Float[Tensor, "batch out height width"]:
        """The joined map, at the size of `fine`."""
        enlarged = functional.interpolate(coarse, fine.shape[-2:], mode="nearest")
        return self.conv2(self.conv1(torch.cat([enlarged, fine], 1)))  # type: ignore[no-any-return]


def convolved(in_channels: int, out_channels: int) -> nn.Sequential:
    """A convolution of 3 x 3, its normalisation and a ReLU."""
    convolution = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))
