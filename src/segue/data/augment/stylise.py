"""A crop painted in the style of another picture, at a random strength, by a network for any style.

As training data this is the stylised ImageNet of Geirhos and others (https://arxiv.org/abs/1811.12231), which Michaelis
and others took to whole scenes (https://arxiv.org/abs/1907.07484). There every picture is painted in full, once, ahead
of training; here a share of the crops is, each time in another style, and mostly not in full strength: fine things
stay where their labels are.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from segue.data.augment.view import Pixels
from segue.errors import UsageError

LEAST, MOST = 0.3, 1.0  # strength, as in `segue style apply`: 0 leaves the crop as it is, 1 is all of the style

Array = NDArray[np.float32]
Moments = tuple[Tensor, ...]  # what a painter keeps of a style; only that painter reads it


@runtime_checkable
class Painter(Protocol):
    """What paints crops; any thread may ask it, and the same question has the same answer."""

    def moments(self, pixels: Pixels) -> Moments:
        """What there is to know of the style of pixels (H, W, 3) on the 0-255 scale."""

    def painted(self, image: Array, inside: NDArray[np.bool_], moments: Moments, strength: float) -> Array:
        """Pixels (H, W, 3) on the 0-255 scale in that style; what is not `inside` has none and gives none."""


def stylise(
    image: Array,
    inside: NDArray[np.bool_],
    moments: Moments | None,
    painter: Painter | None,
    generator: np.random.Generator,
) -> Array:
    """Paint the crop in a style, at a strength drawn from 0.3 to 1.

    Pixels that are not `inside` stay as they are. They are shown to the painter as the mean of the others, so that no
    border is painted, and take no part in the statistics.

    Args:
        image: pixels (H, W, 3) on the 0-255 scale.
        inside: which of them show an image (H, W).
        moments: what `Painter.moments` gives for a style.
        painter: the network, see `segue.style.own_painter.OwnPainter`.
        generator: draws the strength.

    Raises:
        UsageError: there is no painter: whoever calls `augment` on their own has to give it a pool that has one.
    """
    if painter is None or moments is None:
        raise UsageError("augment.stylise: expected a pool with a painter, got none: see segue.style.own_painter")
    strength = float(generator.uniform(LEAST, MOST))
    if not inside.any():
        return image
    if inside.all():
        return painter.painted(image, inside, moments, strength)
    shown = inside[..., None]
    filled = np.where(shown, image, image[inside].mean(axis=0)).astype(np.float32)
    return np.where(shown, painter.painted(filled, inside, moments, strength), image)
