"""How far two paintings of the same picture are apart: the largest difference, PSNR, and LPIPS where it can be had."""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor

Picture = Float[Tensor, "1 3 height width"]


def largest_difference(one: Picture, other: Picture) -> float:
    """The largest difference of two values."""
    return float((one - other).abs().max())


def psnr(one: Picture, other: Picture) -> float:
    """Peak signal-to-noise ratio in dB of pictures from 0 to 1; infinite for the same picture.

    >>> import torch
    >>> round(psnr(torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.1)), 6)
    20.0
    """
    error = float((one.double() - other.double()).square().mean())
    return -10 * math.log10(error) if error else math.inf
