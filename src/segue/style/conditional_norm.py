"""Instance normalisation whose gain and offset belong to a style.

Dumoulin, Shlens and Kudlur, "A Learned Representation for Artistic Style" (https://arxiv.org/abs/1610.07629): one
network paints in many styles, and all that tells them apart is a gain and an offset for every channel.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from segue.style.regions import shrunk
from segue.style.statistics import widened

EPSILON = 1e-5  # added to a variance
SMALLEST_AREA = 1e-6  # of a region that a picture does not have, in positions

Statistic = Float[Tensor, "regions 2 channels"]


class ConditionalNorm(nn.Module):
    """Tables of gains and offsets, one row per style. There are no running statistics: every picture has its own."""

    def __init__(self, styles: int, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(styles, channels))
        self.offset = nn.Parameter(torch.zeros(styles, channels))


def each_normalised(
    values: Float[Tensor, "batch channels height width"],
    gain: Float[Tensor, "batch channels"],
    offset: Float[Tensor, "batch channels"],
) -> Float[Tensor, "batch channels height width"]:
    """Every picture of a batch normalised by itself, with gains and offsets of its own: the way it is trained."""
    batch, channels, height, width = values.shape
    flat = values.reshape(1, batch * channels, height, width)  # to batch normalisation, these are the channels
    return functional.batch_norm(flat, None, None, gain.flatten(), offset.flatten(), True, 0.0, EPSILON).view_as(values)


def measured(
    values: Float[Tensor, "1 channels height width"], maps: Float[Tensor, "regions _ _"] | None = None
) -> Statistic:
    """Mean and variance of every channel, over the picture or over each of its regions, in float32.

    Positions at the border of regions count in part (`segue.style.regions.shrunk`).
    """
    wide = widened(values[0])
    if maps is None:
        variance, mean = torch.var_mean(wide, (1, 2), correction=0)
        return torch.stack([mean, variance])[None]
    weights = shrunk(maps, (values.shape[2], values.shape[3]))
    weights = weights / weights.sum((1, 2), keepdim=True).clamp_min(SMALLEST_AREA)
    found = []
    for one in weights:
        mean = (wide * one).sum((1, 2))
        # around the region's own mean: the difference of two large squares would lose its digits
        variance = ((wide - mean[:, None, None]).square() * one).sum((1, 2))
        found.append(torch.stack([mean, variance]))
    return torch.stack(found)


def normalised(
    values: Float[Tensor, "1 channels height width"],
    gain: Float[Tensor, "regions channels"],
    offset: Float[Tensor, "regions channels"],
    statistic: Statistic | None = None,
    maps: Float[Tensor, "regions _ _"] | None = None,
) -> Float[Tensor, "1 channels height width"]:
    """One picture normalised, with the gains and offsets of its regions: by its own statistics, or by given ones."""
    if maps is None and statistic is None:
        return functional.batch_norm(values, None, None, gain[0], offset[0], True, 0.0, EPSILON)
    statistic = measured(values, maps) if statistic is None else statistic
    if maps is None:
        return functional.batch_norm(values, statistic[0, 0], statistic[0, 1], gain[0], offset[0], False, 0.0, EPSILON)
    scale = gain / (statistic[:, 1] + EPSILON).sqrt()
    return shifted(values, scale, offset - statistic[:, 0] * scale, maps)


def shifted(
    values: Float[Tensor, "1 channels height width"],
    scale: Float[Tensor, "regions channels"],
    shift: Float[Tensor, "regions channels"],
    maps: Float[Tensor, "regions _ _"] | None = None,
) -> Float[Tensor, "1 channels height width"]:
    """Values times a scale plus a shift of their channel, mixed by the shares of regions where there are several."""
    if maps is None:
        return values * scale[0].view(1, -1, 1, 1) + shift[0].view(1, -1, 1, 1)
    weights = shrunk(maps, (values.shape[2], values.shape[3]))
    weights = weights / weights.sum(0, keepdim=True).clamp_min(SMALLEST_AREA)
    mixed = [
        sum((w[None] * c[:, None, None] for w, c in zip(weights, table, strict=True)), start=0.0)
        for table in (scale, shift)
    ]
    return values * mixed[0] + mixed[1]
