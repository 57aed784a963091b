"""Keep the content's colours: paint its luminance alone, or give the styles its colours first.

Both from Gatys et al., "Preserving Color in Neural Artistic Style Transfer" (https://arxiv.org/abs/1606.05897).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)  # Rec. 601, the Y of YIQ and of JPEG
SMALLEST_VARIANCE = 1e-6  # of a colour, on the scale of 0 to 1: a grey picture has none


def grey(picture: Float[Tensor, "1 3 height width"]) -> Float[Tensor, "1 3 height width"]:
    """The luminance, in all three channels."""
    weights = picture.new_tensor(LUMA).view(1, 3, 1, 1)
    return (picture * weights).sum(1, keepdim=True).expand(-1, 3, -1, -1).contiguous()


def with_luminance(
    picture: Float[Tensor, "1 3 height width"], luminance: Float[Tensor, "1 3 height width"]
) -> Float[Tensor, "1 3 height width"]:
    """The colours of `picture` under another luminance: both chroma components stay, so all channels move alike."""
    return (picture + (luminance - grey(picture))).clamp(0, 1)


def like_luminance(
    style: Float[Tensor, "1 3 _ _"], content: Float[Tensor, "1 3 _ _"]
) -> Float[Tensor, "1 3 height width"]:
    """The style in grey, with the mean and the deviation of the content's luminance."""
    ours, theirs = grey(style), grey(content)
    spread = theirs.std() / ours.std().clamp_min(SMALLEST_VARIANCE**0.5)
    return ((ours - ours.mean()) * spread + theirs.mean()).clamp(0, 1)


def coral(style: Float[Tensor, "1 3 _ _"], content: Float[Tensor, "1 3 _ _"]) -> Float[Tensor, "1 3 height width"]:
    """The style with the mean and the covariance of the content's colours: A (s - μ) + ν, A = Σν^½ Σμ^-½.

    CORAL's published code adds the identity to covariances of values up to 255; on our scale that would leave colours
    as they are, so no variance is let below 1e-6 instead. Computed on the CPU, in float64, which not every device has.
    """
    (style_mean, style_spread), (mean, spread) = _colours(style), _colours(content)
    turn = _power(spread, 0.5) @ _power(style_spread, -0.5)
    flat = (turn @ (style.flatten(2)[0].cpu().double() - style_mean) + mean).float()
    return flat.to(style.device).view_as(style).clamp(0, 1)


def _colours(picture: Tensor) -> tuple[Tensor, Tensor]:
    flat = picture.flatten(2)[0].cpu().double()
    mean = flat.mean(1, keepdim=True)
    centred = flat - mean
    return mean, centred @ centred.T / flat.shape[1]


def _power(covariance: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    powers = values.clamp_min(SMALLEST_VARIANCE) ** exponent
    found: Tensor = (vectors * powers) @ vectors.T
    return found
