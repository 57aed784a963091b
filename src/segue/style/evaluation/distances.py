"""Distances between two pictures in the eyes of a network: of their features, and of the statistics of these.

Both are relative to the power of what is compared, so that networks and taps speak in one unit, and 0 where the two are
the same. Style distances are symmetric: the distance to one style can be compared with that to another.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from segue.style.losses import SMALLEST_POWER, content_loss


def content_distance(
    features: Float[Tensor, "1 channels height width"], content: Float[Tensor, "1 channels height width"]
) -> float:
    """Mean squared difference of features over the mean square of the content's; 1 is what a map of zeros would get."""
    return float(content_loss(features, content, "relative"))


def style_distance(statistics: list[Tensor], style: list[Tensor]) -> float:
    """Mean over taps of the squared difference of two statistics over the mean of their squared lengths, 0 to 4.

    Each is what `segue.style.statistics` gives for a tap. 2 is the distance of statistics that have nothing in common.
    """
    return float(torch.stack([_apart(one, other) for one, other in zip(statistics, style, strict=True)]).mean())


def _apart(one: Tensor, other: Tensor) -> Float[Tensor, ""]:
    length = (one.square().sum() + other.square().sum()) / 2
    return (one - other).square().sum() / length.clamp_min(SMALLEST_POWER)
