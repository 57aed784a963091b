"""What a decoder tells `build` about itself."""

from __future__ import annotations

from torch import Tensor, nn


class Decoder(nn.Module):
    """Turns an encoder's feature maps into one map the class scores are read from.

    A row of `DECODERS` is a subclass built as `Kind(channels, strides)` from the encoder's maps, fine to coarse. Two
    things are said by the class, because they are needed before it is built:

    - `output_stride`: the stride it wants the encoder dilated to, None when dilation is not its idea;
    - `plain_maps`: whether it reads the maps of a plain ViT as they are, all of one stride; the others get a pyramid.

    The rest by the instance:

    - `used`: which of the maps it reads;
    - `out_channels`: the channels of its output (batch, out_channels, height, width), which has the size of a map;
    - `auxiliary`: the maps a training run hangs an auxiliary head on, none by default;
    - `upsampling`: the factor of a learned upsampling of the class scores, 0 when they are resized bilinearly.

    Maps may have any size; what cannot work (too few maps, the wrong partner) raises `UsageError` when it is built.
    """

    output_stride: int | None = None
    plain_maps: bool = False
    used: tuple[int, ...]
    out_channels: int
    auxiliary: tuple[int, ...] = ()
    upsampling: int = 0

    def forward(self, features: list[Tensor]) -> Tensor:
        """The map the class scores are read from."""
        raise NotImplementedError


def before_last(channels: tuple[int, ...] | list[int]) -> tuple[int, ...]:
    """The map an auxiliary head usually hangs on: the one before the last, none when there is only one.

    On a ResNet it is the end of the fourth stage (PSPNet's `res4b22`), where both torchvision and the papers put it.
    """
    return (len(channels) - 2,) if len(channels) > 1 else ()
