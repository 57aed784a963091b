"""Adaptive instance normalisation: features with the mean and deviation of another picture's, channel by channel.

Huang and Belongie, https://arxiv.org/abs/1703.06868, equation 8. All of it is computed in float32. Beyond the paper's
forward pass, moments may be those of regions (its section 7 does that by hand for two), or be given: a large picture
painted in tiles takes those of its thumbnail (https://arxiv.org/abs/2103.11784).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from segue.style.regions import shrunk
from segue.style.statistics import widened

EPSILON = 1e-5  # added to the variance, inside the root
SMALLEST_AREA = 1e-6  # share of a picture; a region it does not have is not divided by


@dataclass(frozen=True)
class Moments:
    """Mean and deviation of every channel in every region, in float32; without regions there is one, everything."""

    mean: Float[Tensor, "batch regions channels"]
    deviation: Float[Tensor, "batch regions channels"]


def moments_of(
    features: Float[Tensor, "batch channels height width"], maps: Float[Tensor, "regions _ _"] | None = None
) -> Moments:
    """The moments of features, with the variance's divisor N as in the paper.

    `maps` weigh the positions for each region, at any size: they are averaged down to that of the features, so a
    position on a border counts in part. A region without a position has the moments of the whole.
    """
    wide = widened(features)
    if maps is None:
        whole, middle = torch.var_mean(wide, (2, 3), correction=0)
        return Moments(middle[:, None], (whole[:, None] + EPSILON).sqrt())
    with torch.autocast(features.device.type, enabled=False):  # which would take products back to half precision
        return _moments_of_regions(wide, maps)


def _moments_of_regions(wide: Tensor, maps: Tensor) -> Moments:
    flat = wide.flatten(2)
    inside = shrunk(maps.to(flat), (wide.shape[2], wide.shape[3])).flatten(1)
    areas = inside.sum(1, keepdim=True)
    shares = inside / areas.clamp_min(torch.finfo(flat.dtype).tiny)
    shares = torch.where(areas > SMALLEST_AREA * flat.shape[2], shares, 1 / flat.shape[2])
    mean = torch.einsum("bcn,rn->brc", flat, shares)
    # around each region's own mean: the difference of two large squares would lose its digits
    variance = torch.stack([(flat - mean[:, r, :, None]).square() @ share for r, share in enumerate(shares)], 1)
    return Moments(mean, (variance + EPSILON).sqrt())


def blended(moments: Sequence[Moments], shares: Sequence[float]) -> Moments:
    """The moments between several styles: means by their shares, which need not add up to one.

    What AdaIN gives is linear in the moments of the style, so this is the paper's interpolation of its outputs (section
    7.2), at the cost of one.
    """
    total = sum(shares)
    weighted = [(one, share / total) for one, share in zip(moments, shares, strict=True)]
    mean = torch.stack([one.mean * share for one, share in weighted]).sum(0)
    return Moments(mean, torch.stack([one.deviation * share for one, share in weighted]).sum(0))


def adain(
    features: Float[Tensor, "batch channels height width"],
    style: Moments,
    strength: float | Float[Tensor, ""] = 1.0,
    *,
    content: Moments | None = None,
    maps: Float[Tensor, "regions _ _"] | None = None,
) -> Float[Tensor, "batch channels height width"]:
    """σ(style) (features - μ(content)) / σ(content) + μ(style), or a share of the way there.

    Args:
        features: those of the content.
        style: moments to take on, of one region or as many as there are `maps`.
        strength: 0 gives the features as they are, to the bit; 1 all of the style.
        content: moments that the features have; their own when not given.
        maps: the content's regions, each of which takes on the moments of the same place in `style`; where no map is,
            features stay as they are. Soft borders mix.
    """
    wide = widened(features)
    content = moments_of(features, maps) if content is None else content
    if maps is None:
        return _taken(wide, style, content, 0, strength).to(features.dtype)
    inside = shrunk(maps.to(wide), (features.shape[2], features.shape[3]))
    found = wide
    for region, weight in enumerate(inside):
        found = found + weight * (_taken(wide, style, content, region, strength) - wide)
    return found.to(features.dtype)


def normalised(
    features: Float[Tensor, "batch channels height width"], moments: Moments | None = None
) -> Float[Tensor, "batch channels height width"]:
    """The features with mean 0 and deviation 1 in every channel, or as `moments` of one region have it; in float32."""
    moments = moments_of(features) if moments is None else moments
    mean, deviation = (values[:, 0, :, None, None] for values in (moments.mean, moments.deviation))
    return (widened(features) - mean) / deviation


def _taken(wide: Tensor, style: Moments, content: Moments, region: int, strength: float | Tensor) -> Tensor:
    mean, deviation, style_mean, style_deviation = (
        values[:, min(region, values.shape[1] - 1), :, None, None]  # one style for all regions is allowed
        for values in (content.mean, content.deviation, style.mean, style.deviation)
    )
    scale = style_deviation / deviation
    shift = strength * (style_mean - scale * mean)
    return torch.addcmul(shift, wide, 1 + strength * (scale - 1))  # one pass over the features
