"""Structural similarity of luminance (Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from segue.style.colours import grey

WINDOW, SIGMA = 11, 1.5  # pixels; the paper's
C1, C2 = 0.01**2, 0.03**2  # for values from 0 to 1


def ssim(picture: Float[Tensor, "1 3 height width"], content: Float[Tensor, "1 3 height width"]) -> float:
    """The mean over all windows that lie wholly inside: 1 for the same luminance, about 0 for unrelated pictures.

    Both sides need `WINDOW` pixels. The authors shrink pictures to 256 pixels first; here the size is the caller's.
    Computed on the CPU: float64 is what variances of flat windows need, and not every device has it.
    """
    one, other = (grey(each)[:, :1].cpu().double() for each in (picture, content))
    mean, its_mean = _local(one), _local(other)
    variance, its_variance = _local(one * one) - mean**2, _local(other * other) - its_mean**2
    covariance = _local(one * other) - mean * its_mean
    light = (2 * mean * its_mean + C1) / (mean**2 + its_mean**2 + C1)
    return float((light * (2 * covariance + C2) / (variance + its_variance + C2)).mean())


def _local(plane: Float[Tensor, "1 1 height width"]) -> Float[Tensor, "1 1 rows columns"]:
    """The Gaussian mean of every window."""
    offsets = torch.arange(WINDOW, dtype=plane.dtype, device=plane.device) - WINDOW // 2
    weights = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    weights /= weights.sum()
    down = functional.conv2d(plane, weights.view(1, 1, -1, 1))
    return functional.conv2d(down, weights.view(1, 1, 1, -1))
