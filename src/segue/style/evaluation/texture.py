"""Luminance as a texture: in grey, all of one brightness and contrast, so that colours and light tell nothing."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from segue.style.colours import SMALLEST_VARIANCE, grey

MEAN, DEVIATION = 0.45, 0.23  # about those of photographs, which the networks were trained on


def as_texture(picture: Float[Tensor, "1 3 height width"]) -> Float[Tensor, "1 3 height width"]:
    """The luminance with a mean of 0.45 and a deviation of 0.23, in all three channels; not clipped.

    A picture of one grey stays flat.
    """
    plane = grey(picture)
    centred = plane - plane.mean()
    spread = centred.square().mean().sqrt()
    return centred * (DEVIATION / spread.clamp_min(SMALLEST_VARIANCE**0.5)) + MEAN
