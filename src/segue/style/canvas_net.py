"""A small U-Net that paints a picture from its content; its weights are what CLIPstyler optimises.

As in https://arxiv.org/abs/2112.00374: what it can paint is smooth at first and follows the content, which keeps
the noise away that pixels moved by CLIP alone would show.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (16, 32, 64)  # channels at strides 1, 2 and 4
MULTIPLE = 8  # sides are padded up to one; the halvings then come back to the same size
LEARNING_RATE, HALVED_EVERY = 5e-4, 100  # of Adam, and steps after which it is halved; published for 200 steps
HALVINGS = 3  # at most: a longer run would stand still


class CanvasNet(nn.Module):
    """Takes and gives pictures from 0 to 1 of any size; `seed` decides its first weights."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        fine, middle, coarse = WIDTHS
        self.enter = _Block(3, fine)
        self.down = nn.ModuleList([_Block(fine, middle, stride=2), _Block(middle, coarse, stride=2)])
        self.deep = nn.ModuleList([_Block(coarse, coarse) for _ in range(2)])
        self.up = nn.ModuleList([_Block(coarse + middle, middle), _Block(middle + fine, fine)])
        self.leave = nn.Conv2d(fine, 3, 3, padding=1, padding_mode="reflect")
        generator = torch.Generator().manual_seed(seed)
        for parameter in self.parameters():
            if parameter.ndim == 4:
                scale = math.sqrt(2 / parameter[0].numel())
                parameter.data = scale * torch.randn(parameter.shape, generator=generator)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def forward(self, picture: Float[Tensor, "1 3 height width"]) -> Float[Tensor, "1 3 height width"]:
        """The painted picture."""
        height, width = picture.shape[2:]
        padded = functional.pad(picture, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
        fine = self.enter(2 * padded - 1)
        middle = self.down[0](fine)
        values = self.down[1](middle)
        for block in self.deep:
            values = values + block(values)
        for block, skipped in zip(self.up, (middle, fine), strict=True):
            larger = functional.interpolate(values, scale_factor=2.0, mode="nearest")
            values = block(torch.cat([larger, skipped], 1))
        return torch.sigmoid(self.leave(values))[:, :, :height, :width]


class _Block(nn.Module):
    """A 3x3 convolution, instance normalisation and a ReLU."""

    def __init__(self, channels: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, out, 3, stride, padding=1, padding_mode="reflect", bias=False)
        self.scale = nn.Parameter(torch.ones(out, 1, 1))
        self.shift = nn.Parameter(torch.zeros(out, 1, 1))

    def forward(self, values: Float[Tensor, "1 channels height width"]) -> Float[Tensor, "1 out rows columns"]:
        """The block's output."""
        normed = functional.instance_norm(self.convolution(values))
        return functional.relu(normed * self.scale + self.shift)
