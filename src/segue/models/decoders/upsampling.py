"""Learned upsampling: a transposed convolution per channel that starts out as bilinear interpolation."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class LearnedUpsampling(nn.Module):
    """Enlarges maps by a whole factor with one learned kernel per channel, bilinear at first.

    Long et al. (https://arxiv.org/abs/1411.4038, section 3.3). Before anything is learned this equals
    `interpolate(mode="bilinear")` in every pixel: the edge is repeated, where the original has zeros and pads the image
    by 100 pixels instead. One kernel per channel; the original's kernels may mix channels and start out not to.
    """

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        kernel = bilinear_kernel(factor)
        self.weight = nn.Parameter(kernel.repeat(channels, 1, 1, 1))

    def forward(
        self, maps: Float[Tensor, "batch channels height width"], size: tuple[int, int]
    ) -> Float[Tensor, "batch channels {size[0]} {size[1]}"]:
        """The maps at `size`, which is `factor` times theirs; what rounding up has added is cut off.

        A size that differs by more (an encoder that saw the image resized) is reached by interpolation.
        """
        factor, width = self.factor, self.weight.shape[-1]
        cut = (width - factor) // 2 + factor  # the second part is the repeated edge
        edged = functional.pad(maps, (1, 1, 1, 1), mode="replicate")
        larger = functional.conv_transpose2d(
            edged, self.weight, stride=factor, padding=cut, groups=self.weight.shape[0]
        )
        excess = [have - wanted for have, wanted in zip(larger.shape[-2:], size, strict=True)]
        if all(0 <= pixels < factor for pixels in excess):
            return larger[..., : size[0], : size[1]]
        return functional.interpolate(larger, size, mode="bilinear")


def bilinear_kernel(factor: int) -> Float[Tensor, "width width"]:
    """The kernel with which a transposed convolution of stride `factor` interpolates bilinearly.

    >>> bilinear_kernel(2)[0].tolist()
    [0.0625, 0.1875, 0.1875, 0.0625]
    """
    width = 2 * factor - factor % 2
    distance = (torch.arange(width) - (width - 1) / 2).abs() / factor
    return torch.outer(1 - distance, 1 - distance)
