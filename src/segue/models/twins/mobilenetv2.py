"""MobileNetV2 (https://arxiv.org/abs/1801.04381) without its classifier, as timm has it."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import relu6

from segue.models.maps import Maps

STEM = 32  # channels
STAGES = (
    (1, 16, 1),
    (2, 24, 2),
    (3, 32, 2),
    (4, 64, 2),
    (3, 96, 1),
    (3, 160, 2),
    (1, 320, 1),
)  # blocks, channels, stride
EXPANSION = 6
TAPPED = (0, 1, 2, 4, 6)  # stages whose output is a map: the last of each stride


class MobileNetV2(nn.Module):
    """Five feature maps, at strides 2 to 32."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.conv_stem = nn.Conv2d(in_channels, STEM, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(STEM)
        stages, channels = [], STEM
        for number, (count, out, stride) in enumerate(STAGES):
            kind = Inverted if number else Separable  # the first stage does not expand, so it has one convolution less
            first = kind(channels, out, stride)
            stages.append(nn.Sequential(first, *(kind(out, out, 1) for _ in range(count - 1))))
            channels = out
        self.blocks = nn.Sequential(*stages)
        counts = tuple(STAGES[number][1] for number in TAPPED)
        self.feature_info = Maps(counts, (2, 4, 8, 16, 32), tuple(f"blocks.{number}" for number in TAPPED))

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> list[Float[Tensor, "batch ..."]]:
        """The maps, from fine to coarse."""
        values, maps = relu6(self.bn1(self.conv_stem(images)), inplace=True), []
        for number, stage in enumerate(self.blocks):
            values = stage(values)
            if number in TAPPED:
                maps.append(values)
        return maps


class Separable(nn.Module):
    """A depthwise convolution and a pointwise one."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv_dw = nn.Conv2d(channels, channels, 3, stride, padding=1, groups=channels, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv_pw = nn.Conv2d(channels, out, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)

    def forward(self, values: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch out rows columns"]:
        """The block's output."""
        values = relu6(self.bn1(self.conv_dw(values)), inplace=True)
        return self.bn2(self.conv_pw(values))  # type: ignore[no-any-return]


class Inverted(nn.Module):
    """An inverted residual: expand, convolve depthwise, project, and add the input where it has the same shape."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        wide = EXPANSION * channels
        self.residual = stride == 1 and channels == out
        self.conv_pw = nn.Conv2d(channels, wide, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(wide)
        self.conv_dw = nn.Conv2d(wide, wide, 3, stride, padding=1, groups=wide, bias=False)
        self.bn2 = nn.BatchNorm2d(wide)
        self.conv_pwl = nn.Conv2d(wide, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)

    def forward(self, values: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch out rows columns"]:
        """The block's output."""
        wide = relu6(self.bn1(self.conv_pw(values)), inplace=True)
        wide = relu6(self.bn2(self.conv_dw(wide)), inplace=True)
        projected: Tensor = self.bn3(self.conv_pwl(wide))
        return projected + values if self.residual else projected
