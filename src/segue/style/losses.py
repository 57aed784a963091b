"""The three terms of the objective: content, style, and total variation.

Two divisions of the first two are offered. "gatys" is that of Gatys, Ecker and Bethge
(https://openaccess.thecvf.com/content_cvpr_2016/html/Gatys_Image_Style_Transfer_CVPR_2016_paper.html): their weights
hold for one scale of activations only. "relative" divides a loss by the power of its own target, which makes every
network and every tap speak in the same unit: 1 is what a map of zeros would get.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from segue.style.statistics import widened

SMALLEST_POWER = 1e-12  # of a target that is nothing but zeros


def content_loss(
    features: Float[Tensor, "batch channels height width"],
    target: Float[Tensor, "batch channels height width"],
    division: str = "gatys",
) -> Float[Tensor, ""]:
    """Mean squared difference of features. The paper's is half the sum, which would weigh more in larger pictures."""
    loss = (widened(features) - widened(target)).square().mean()
    return loss if division == "gatys" else loss / power(target)


def style_loss(
    statistic: Float[Tensor, " regions *values"],
    target: Float[Tensor, " regions *values"],
    areas: Float[Tensor, " regions"],
    division: str = "gatys",
) -> Float[Tensor, ""]:
    """Squared difference of style statistics, the regions weighted by `areas`, which add up to one.

    With division "gatys" and Gram matrices G = F Fᵀ / M of C channels it is Σ (G - A)² / (4 C²), which is the paper's
    E = Σ (F Fᵀ - …)² / (4 C² M²). The mean over C² is what stands there; for moments it is their mean, over 4 as well.
    """
    differences = (statistic - target).square().flatten(1).mean(1)
    if division == "gatys":
        return (areas * differences).sum() / 4
    powers = target.square().flatten(1).mean(1).clamp_min(SMALLEST_POWER)
    return (areas * differences / powers).sum()


def total_variation(picture: Float[Tensor, "batch channels height width"]) -> Float[Tensor, ""]:
    """Mean squared difference of neighbours, down and to the right (https://arxiv.org/abs/1412.0035, with β = 2).

    A picture that is one pixel high or wide has no neighbours that way.
    """
    down = (picture[:, :, 1:] - picture[:, :, :-1]).square()
    right = (picture[:, :, :, 1:] - picture[:, :, :, :-1]).square()
    return sum((part.mean() for part in (down, right) if part.numel()), start=picture.new_zeros(()))


def power(values: Tensor) -> Tensor:
    """Mean square, kept above nothing."""
    return torch.clamp_min(widened(values).square().mean(), SMALLEST_POWER)
