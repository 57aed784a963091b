"""DDRNet-23-slim's two branches (https://arxiv.org/abs/2101.06085): one stays at stride 8, one goes down to 64."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

from segue.models.trunks.trunk import Trunk

STEM = 32  # channels
FINE = 2 * STEM


class DualResolution(nn.Module):
    """A stem, a fine branch and a coarse branch, which give each other what they have at strides 16 and 32.

    The maps: the fine branch after the first exchange, where the auxiliary head hangs; its end; the coarse branch's
    end. None of them is rectified. Layers have the names of the authors' files (MIT licence, on Google Drive), so that
    `--model.weights FILE` takes the one trained on ImageNet.
    """

    def __init__(self, in_channels: int, maps: int) -> None:
        super().__init__()
        self._maps = maps
        stem = (nn.Conv2d(in_channels, STEM, 3, 2, 1), nn.Conv2d(STEM, STEM, 3, 2, 1))
        self.conv1 = nn.Sequential(*(layer for c in stem for layer in (c, nn.BatchNorm2d(STEM), nn.ReLU(inplace=True))))
        self.layer1 = _pair(STEM, STEM)
        self.layer2 = _pair(STEM, FINE, stride=2)
        self.layer3 = _pair(FINE, 2 * FINE, stride=2)
        self.layer3_ = _pair(FINE, FINE)
        self.compression3 = _normalised(FINE * 2, FINE)
        if maps > 1:
            self.down3 = _normalised(FINE, 2 * FINE, stride=2)
            self.layer4 = _pair(2 * FINE, 4 * FINE, stride=2)
            self.layer4_ = _pair(FINE, FINE)
            self.compression4 = _normalised(4 * FINE, FINE)
            self.layer5_ = _bottleneck(FINE)
        if maps > 2:
            first, second = _normalised(FINE, 2 * FINE, stride=2), _normalised(2 * FINE, 4 * FINE, stride=2)
            self.down4 = nn.Sequential(*first, nn.ReLU(inplace=True), *second)
            self.layer5 = _bottleneck(4 * FINE, stride=2)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> list[Tensor]:
        """Feature maps at strides 8, 8 and 64."""
        shared = relu(self.layer2(relu(self.layer1(self.conv1(images)))))
        coarse, fine = self.layer3(shared), self.layer3_(shared)
        maps = [fine + _enlarged(self.compression3(relu(coarse)), fine)]
        if self._maps > 1:
            coarse = self.layer4(relu(coarse + self.down3(relu(fine))))
            fine = self.layer4_(relu(maps[0]))
            maps.append(self.layer5_(relu(fine + _enlarged(self.compression4(relu(coarse)), fine))))
        if self._maps > 2:
            maps.append(self.layer5(relu(coarse + self.down4(relu(fine)))))
        return maps


class Block(nn.Module):
    """Convolutions with normalisation, rectified in between, and the input added; `rectified` at the end, too.

    `layers` holds output channels and kernel size of each; the first 3x3 convolution has the stride.
    """

    def __init__(
        self, channels: int, layers: Sequence[tuple[int, int]], stride: int = 1, *, rectified: bool = False
    ) -> None:
        super().__init__()
        self._count, self._rectified = len(layers), rectified
        strided = next(number for number, (_, kernel) in enumerate(layers) if kernel == 3)
        given = channels
        for number, (width, kernel) in enumerate(layers):
            step = stride if number == strided else 1
            convolution = nn.Conv2d(given, width, kernel, step, kernel // 2, bias=False)
            self.add_module(f"conv{number + 1}", convolution)
            self.add_module(f"bn{number + 1}", nn.BatchNorm2d(width))
            given = width
        same = stride == 1 and given == channels
        self.downsample = None if same else _normalised(channels, given, stride, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """The block's output, at the size of the input divided by the stride."""
        seen = x
        for number in range(1, self._count + 1):
            convolved = self.get_submodule(f"conv{number}")(seen if number == 1 else relu(seen))
            seen = self.get_submodule(f"bn{number}")(convolved)
        seen = seen + (x if self.downsample is None else self.downsample(x))
        return relu(seen) if self._rectified else seen


def _pair(channels: int, width: int, stride: int = 1) -> nn.Sequential:
    layers = ((width, 3), (width, 3))
    return nn.Sequential(Block(channels, layers, stride, rectified=True), Block(width, layers))


def _bottleneck(width: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(Block(width, ((width, 1), (width, 3), (2 * width, 1)), stride))


def _normalised(channels: int, width: int, stride: int = 1, kernel: int | None = None) -> nn.Sequential:
    """A convolution with its normalisation; 3x3 where it shrinks the map and 1x1 where it does not, unless given."""
    kernel = kernel or (1 if stride == 1 else 3)
    return nn.Sequential(nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(width))


def _enlarged(coarse: Tensor, fine: Tensor) -> Tensor:
    return interpolate(coarse, fine.shape[-2:], mode="bilinear")


ddrnet23_slim = Trunk(
    build=DualResolution,
    channels=(FINE, 2 * FINE, 8 * FINE),
    strides=(8, 8, 64),
    taps=("compression3", "layer5_", "layer5"),
    decoder="ddrnet",
)
