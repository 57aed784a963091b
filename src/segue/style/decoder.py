"""From features back to a picture: an encoder mirrored, built from the places, strides and widths of its taps.

As the decoder of AdaIN (https://arxiv.org/abs/1703.06868, section 6): no normalisation, which would undo the style,
reflection at the borders, and nearest-neighbour enlargement before a convolution, since strided ones leave a
chequered pattern (https://distill.pub/2016/deconv-checkerboard/).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

NARROWEST = 16  # channels of the last stage
GREY, FAINT = 0.5, 0.1  # the first pictures: a grey, and how much of what the last convolution would give is added


@dataclass(frozen=True)
class Tap:
    """A place in an encoder: its name, its stride in pixels and the channels there."""

    name: str
    stride: int
    channels: int


class Convolution(nn.Module):
    """A 3 x 3 convolution whose borders are reflected, or repeated where the map is a single pixel across."""

    def __init__(self, channels: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, out, 3, stride)
        nn.init.kaiming_normal_(self.layer.weight, nonlinearity="relu")  # no normalisation keeps values from shrinking
        nn.init.zeros_(self.layer.bias)  # type: ignore[arg-type]

    def forward(self, values: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch out _ _"]:
        """The same height and width, or with stride 2 half of them, rounded up."""
        mode = "reflect" if min(values.shape[2:]) > 1 else "replicate"
        found: Tensor = self.layer(functional.pad(values, (1, 1, 1, 1), mode=mode))
        return found


class Residual(nn.Module):
    """Two convolutions beside an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = Convolution(channels, channels), Convolution(channels, channels)
        nn.init.zeros_(self.second.layer.weight)  # the identity at first, however many stand in a row

    def forward(self, values: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch channels _ _"]:
        """The input and what was found in it."""
        found: Tensor = self.second(functional.relu(self.first(values)))
        return values + found


class Stage(nn.Module):
    """Convolutions at one stride, the last of which gives the next width."""

    def __init__(self, channels: int, out: int, depth: int) -> None:
        super().__init__()
        widths = [channels] * depth + [out]
        self.layers = nn.ModuleList(Convolution(one, two) for one, two in pairwise(widths))

    def forward(self, values: Float[Tensor, "batch channels _ _"]) -> Float[Tensor, "batch out _ _"]:
        """Rectified behind every convolution."""
        for layer in self.layers:
            values = functional.relu(layer(values))
        return values


class Decoder(nn.Module):
    """Features at taps to a picture of any size.

    Args:
        taps: from deep to shallow. Features of the first are the input; those of the others are added where their
            stride is reached, if they are among the features that are decoded.
        blocks: residual blocks at the deepest stride.
        depth: convolutions at every stride, the last of which goes on to the next width.

    `reach` is how many pixels away from a pixel of the picture features still count.
    """

    def __init__(self, taps: Sequence[Tap], *, blocks: int = 0, depth: int = 1) -> None:
        super().__init__()
        self.taps = tuple(taps)
        self.steps = _steps(self.taps)
        self.blocks = nn.ModuleList(Residual(taps[0].channels) for _ in range(blocks))
        widths = [step.channels for step in self.steps]
        self.stages = nn.ModuleList(Stage(one, two, depth) for one, two in pairwise(widths))
        self.last = nn.ModuleList([Stage(widths[-1], widths[-1], depth - 1), Convolution(widths[-1], 3)])
        self.reach = 2 * blocks * taps[0].stride + sum(depth * step.stride + step.stride // 2 for step in self.steps)

    @torch.no_grad()
    def begin_grey(self) -> None:
        """Let a training begin with pictures near an even grey, instead of noise far outside of 0 to 1."""
        last: nn.Conv2d = self.last[1].layer  # type: ignore[assignment]
        last.weight.mul_(FAINT)
        nn.init.constant_(last.bias, GREY)  # type: ignore[arg-type]

    def forward(
        self, features: Mapping[str, Float[Tensor, "batch _ _ _"]], size: tuple[int, int]
    ) -> Float[Tensor, "batch 3 height width"]:
        """The picture of that height and width; values are not clipped to 0 to 1."""
        values = features[self.taps[0].name]
        for block in self.blocks:
            values = block(values)
        for step, stage in zip(self.steps[1:], self.stages, strict=True):
            values = stage(values)
            beside = features.get(step.name)
            target = size_at(size, step.stride) if beside is None else tuple(beside.shape[2:])
            values = functional.interpolate(values, target)
            if beside is not None:
                values = values + beside
        picture: Tensor = self.last[1](self.last[0](values))
        return picture


def size_at(size: tuple[int, int], stride: int) -> tuple[int, int]:
    """Height and width at a stride, rounded up.

    >>> size_at((33, 64), 4)
    (9, 16)
    """
    return (size[0] + stride - 1) // stride, (size[1] + stride - 1) // stride  # ONNX rounds a negative quotient to 0


def _steps(taps: Sequence[Tap]) -> tuple[Tap, ...]:
    """The taps, and a nameless one wherever a stride is more than halved; at the end one of stride 1."""
    found: list[Tap] = []
    for tap in taps:
        while found and found[-1].stride > 2 * tap.stride:
            between = max(tap.channels, found[-1].channels // 2)
            found.append(Tap("", found[-1].stride // 2, between))
        found.append(tap)
    while found[-1].stride > 1:
        found.append(Tap("", found[-1].stride // 2, max(NARROWEST, found[-1].channels // 2)))
    return tuple(found)
