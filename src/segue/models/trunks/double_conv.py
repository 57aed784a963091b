"""The contracting half of the classic U-Net (https://arxiv.org/abs/1505.04597): two convolutions per level, pooling."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from segue.models.trunks.trunk import Trunk

WIDTHS = (64, 128, 256, 512, 1024)


class DoubleConv(nn.Module):
    """Two 3x3 convolutions, and 2x2 max-pooling between levels; each level's map is taken before it is pooled.

    Deviations from the paper: convolutions keep the size (the paper's shrink it and its masks), and each is followed by
    batch normalisation, without which training from scratch is a matter of luck.
    """

    def __init__(self, in_channels: int, maps: int) -> None:
        super().__init__()
        inputs = (in_channels, *WIDTHS)
        self.levels = nn.ModuleList(double_conv(inputs[level], WIDTHS[level]) for level in range(maps))
        self.pool = nn.MaxPool2d(2)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> list[Tensor]:
        """Feature maps at strides 1, 2, 4, 8 and 16."""
        maps: list[Tensor] = []
        for level in self.levels:
            maps.append(level(self.pool(maps[-1]) if maps else images))
        return maps


def double_conv(channels: int, width: int) -> nn.Sequential:
    """Two 3x3 convolutions of `width` channels, each normalised and rectified."""
    layers: list[nn.Module] = []
    for given in (channels, width):
        layers += [nn.Conv2d(given, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


classic = Trunk(
    build=DoubleConv,
    channels=WIDTHS,
    strides=(1, 2, 4, 8, 16),
    taps=tuple(f"levels.{level}" for level in range(len(WIDTHS))),
)
