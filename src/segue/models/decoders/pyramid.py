"""Four maps of falling size from a plain ViT, whose maps all have one, so that every decoder works on it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from segue.models.decoders.decoder import Decoder


class OnPyramid(Decoder):
    """A decoder on top of a pyramid made from the maps of a plain ViT.

    The operations are those of ViTDet's simple feature pyramid (https://arxiv.org/abs/2203.16527): two, one and no
    transposed convolutions and a 2x2 maximum give strides of 1/4, 1/2, 1 and 2 patches. Deviation: each level starts
    from its own block, evenly spaced in depth as in BEiT, not all from the last, so that frozen features of several
    depths reach the decoder. The pyramid is part of the decoder: it is new, and learns at the decoder's rate.
    """

    def __init__(self, pyramid: Pyramid, decoder: Decoder) -> None:
        super().__init__()
        pyramid.keep(decoder.used)
        self.pyramid = pyramid
        self.decoder = decoder
        self.used = decoder.used
        self.out_channels = decoder.out_channels
        self.auxiliary = decoder.auxiliary  # the ViT's own map, not the pyramid's
        self.upsampling = decoder.upsampling

    def forward(self, features: list[Tensor]) -> Tensor:
        """What the decoder makes of the pyramid."""
        return self.decoder(self.pyramid(features))  # type: ignore[no-any-return]


class Pyramid(nn.Module):
    """Maps of one stride to maps at 1/4, 1/2, 1 and 2 times that stride (as many as there are maps, finest first)."""

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        width, stride = channels[0], strides[0]
        half, quarter = max(8, width // 2), max(8, width // 4)
        up = nn.ConvTranspose2d
        levels = (
            nn.Sequential(up(width, half, 2, 2), nn.GroupNorm(1, half), nn.GELU(), up(half, quarter, 2, 2)),
            nn.Sequential(up(width, half, 2, 2)),
            nn.Sequential(),
            nn.Sequential(nn.MaxPool2d(2, ceil_mode=True)),
        )
        count = len(channels)
        self.norms = nn.ModuleList(nn.GroupNorm(1, width) for _ in range(count))
        self.levels = nn.ModuleList(levels[:count])
        self.channels = (quarter, half, width, width)[:count]
        self.strides = (max(1, stride // 4), max(1, stride // 2), stride, stride * 2)[:count]

    def keep(self, used: Sequence[int]) -> None:
        """Drop the layers of the levels that are not in `used`: weights nothing reads would never learn."""
        for i in set(range(len(self.levels))) - set(used):
            self.norms[i], self.levels[i] = nn.Identity(), nn.Identity()

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """The pyramid, fine to coarse."""
        return [level(norm(map_)) for level, norm, map_ in zip(self.levels, self.norms, features, strict=True)]
