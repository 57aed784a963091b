"""Fit pretrained tensors to a network that sees the image differently: other channels, another grid of patches."""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def adapt_stem(
    weight: Float[Tensor, "out given height width"], channels: int
) -> Float[Tensor, "out {channels} height width"]:
    """Give the first convolution another number of input channels and keep the scale of its output.

    One channel gets the sum over the given ones, which is exact for a grey image repeated to RGB; n channels get
    copies in cyclic order, rescaled by given / n (as in segmentation_models_pytorch and timm).
    """
    given = weight.shape[1]
    if channels == 1:
        return weight.sum(1, keepdim=True)
    copies = weight[:, [i % given for i in range(channels)]]
    return copies * (given / channels)


def adapt_positions(
    positions: Float[Tensor, "1 given width"], tokens: int, prefix: int
) -> Float[Tensor, "1 {tokens} width"] | None:
    """Resample a ViT's position embedding to another square grid; the `prefix` tokens before it stay.

    Returns None when either grid is not square.
    """
    old, new = (math.isqrt(max(0, count - prefix)) for count in (positions.shape[1], tokens))
    if old < 1 or new < 1 or (old * old + prefix, new * new + prefix) != (positions.shape[1], tokens):
        return None
    grid = positions[:, prefix:].reshape(1, old, old, -1).permute(0, 3, 1, 2)
    grid = functional.interpolate(grid.float(), (new, new), mode="bicubic", antialias=True).to(positions.dtype)
    resampled = positions.new_empty(1, tokens, positions.shape[2])
    resampled[:, :prefix] = positions[:, :prefix]
    resampled[:, prefix:] = grid.flatten(2).transpose(1, 2)
    return resampled
