"""What networks for any style share: a content is painted by decoding its features, changed towards the style's."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from segue.style.adain import moments_of
from segue.style.autoencoder import Autoencoder
from segue.style.loss_network import Features
from segue.style.network import Statistics, Strength


def decoded(
    autoencoder: Autoencoder,
    content: Float[Tensor, "1 3 height width"],
    strength: Strength,
    transfer: Callable[[Features], Features],
) -> Float[Tensor, "1 3 height width"]:
    """The picture of the features that `transfer` makes of the content's, from 0 to 1.

    Decoder and encoder lose a little of every picture. With less than full strength that little is given back in the
    same measure, so that 0 is the very content.
    """
    features, size = autoencoder.features(content), content.shape[2:]
    painted = autoencoder(transfer(features), size).float()
    if isinstance(strength, Tensor) or strength < 1:
        painted = painted + (1 - strength) * (content - autoencoder(features, size))
    result: Tensor = painted.clamp(0, 1)
    return result


def content_statistics(
    autoencoder: Autoencoder,
    content: Float[Tensor, "1 3 height width"],
    maps: Float[Tensor, "regions height width"] | None = None,
) -> Statistics:
    """Mean and deviation of the content's features at every tap, over the picture or each of its regions."""
    found = [moments_of(features, maps) for features in autoencoder.features(content).values()]
    return tuple(torch.stack([one.mean[0], one.deviation[0]], 1) for one in found)
