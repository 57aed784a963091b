"""ResNet (https://arxiv.org/abs/1512.03385) without its classifier, as timm has it: the stride on the 3 x 3 layer."""

from __future__ import annotations

from functools import partial

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import relu

from segue.models.maps import Maps

WIDTHS = (64, 128, 256, 512)
EXPANSION = 4  # of a bottleneck


class ResNet(nn.Module):
    """Five feature maps, at strides 2 to 32, from a network with so many blocks in its four layers."""

    def __init__(self, in_channels: int, blocks: tuple[int, ...], bottleneck: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, WIDTHS[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        kind = Bottleneck if bottleneck else Basic
        outs, channels = tuple(width * (EXPANSION if bottleneck else 1) for width in WIDTHS), WIDTHS[0]
        for number, (count, width, out) in enumerate(zip(blocks, WIDTHS, outs, strict=True), 1):
            first = kind(channels, width, out, stride=1 if number == 1 else 2)
            self.add_module(
                f"layer{number}", nn.Sequential(first, *(kind(out, width, out, 1) for _ in range(count - 1)))
            )
            channels = out
        taps = ("bn1", "layer1", "layer2", "layer3", "layer4")
        self.feature_info = Maps((WIDTHS[0], *outs), (2, 4, 8, 16, 32), taps)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> list[Float[Tensor, "batch ..."]]:
        """The maps, from fine to coarse."""
        maps = [relu(self.bn1(self.conv1(images)))]
        values = self.maxpool(maps[0])
        for name in self.feature_info.taps[1:]:
            values = self.get_submodule(name)(values)
            maps.append(values)
        return maps


class Basic(nn.Module):
    """Two convolutions of 3 x 3 and a shortcut."""

    def __init__(self, channels: int, width: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample = shortcut(channels, out, stride)

    def forward(self, values: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch out rows columns"]:
        """The block's output."""
        changed: Tensor = self.bn2(self.conv2(relu(self.bn1(self.conv1(values)), inplace=True)))
        return relu(changed + self.downsample(values), inplace=True)


class Bottleneck(nn.Module):
    """Narrow, convolve, widen, and a shortcut."""

    def __init__(self, channels: int, width: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.downsample = shortcut(channels, out, stride)

    def forward(self, values: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch out rows columns"]:
        """The block's output."""
        narrow = relu(self.bn1(self.conv1(values)), inplace=True)
        narrow = relu(self.bn2(self.conv2(narrow)), inplace=True)
        changed: Tensor = self.bn3(self.conv3(narrow))
        return relu(changed + self.downsample(values), inplace=True)


def shortcut(channels: int, out: int, stride: int) -> nn.Module:
    """What the input goes through to be added: nothing where it has the output's shape."""
    if stride == 1 and channels == out:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))


resnet18 = partial(ResNet, blocks=(2, 2, 2, 2), bottleneck=False)
resnet34 = partial(ResNet, blocks=(3, 4, 6, 3), bottleneck=False)
resnet50 = partial(ResNet, blocks=(3, 4, 6, 3), bottleneck=True)
