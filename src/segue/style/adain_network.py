"""Any style in one pass by its means and deviations: an encoder, AdaIN at some of its taps, and a decoder.

With one deep tap it is the network of Huang and Belongie (https://arxiv.org/abs/1703.06868). With several, whose
features are added on the way back, detail survives that the deepest does not carry, as in MicroAST
(https://arxiv.org/abs/2211.15313).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from segue.style.adain import Moments, adain, blended, moments_of
from segue.style.autoencoder import Autoencoder, Shape
from segue.style.loss_network import Features
from segue.style.network import Prepared, Statistics, Strength, StyleNetwork, Wanted, shares_of
from segue.style.through_features import content_statistics, decoded


class AdainNetwork(StyleNetwork):
    """Paints in the style of pictures it has never seen; see `segue.style.autoencoder.Shape` for its numbers."""

    kind: ClassVar[str] = "adain"
    takes_pictures: ClassVar[bool] = True
    deviations: ClassVar[bool] = True

    def __init__(self, shape: Shape | None = None) -> None:
        super().__init__()
        self.autoencoder = Autoencoder(shape or Shape())
        self.taps = self.autoencoder.names
        self.step, self.reach = self.autoencoder.step, self.autoencoder.reach

    @classmethod
    def from_numbers(cls, numbers: dict[str, Any]) -> AdainNetwork:
        """The network with random weights; raises `UsageError` where `numbers` are not what `numbers` gives."""
        return cls(Shape.from_numbers(numbers))

    @property
    def numbers(self) -> dict[str, Any]:
        """Encoder, taps, widths, blocks and depth."""
        return self.autoencoder.shape.numbers

    def forward(
        self, content: Float[Tensor, "batch 3 height width"], style: Float[Tensor, "batch 3 _ _"]
    ) -> tuple[Float[Tensor, "batch 3 height width"], Features]:
        """Each picture of a batch in the style of its neighbour, not clipped, and the features it was decoded from."""
        with self.computing():
            features, styles = self.autoencoder.features(content), self.autoencoder.features(style)
            target = {tap: adain(features[tap], moments_of(styles[tap])) for tap in self.taps}
            return self.autoencoder(target, content.shape[2:]), target

    def prepared(self, *regions: Sequence[Wanted]) -> Prepared:
        """Mean and deviation (regions, channels) of every tap, those of several styles blended by their shares."""
        found = [self._blended(styles) for styles in regions]
        return tuple(
            torch.cat([getattr(one[tap], name)[0] for one in found])
            for tap in self.taps
            for name in ("mean", "deviation")
        )

    def stylise(
        self,
        content: Float[Tensor, "1 3 height width"],
        style: Prepared,
        strength: Strength = 1.0,
        *,
        statistics: Statistics | None = None,
        maps: Float[Tensor, "regions height width"] | None = None,
    ) -> Float[Tensor, "1 3 height width"]:
        """The content painted, see `StyleNetwork`; strength is how far features go towards the style (`decoded`)."""
        with self.computing():
            return decoded(
                self.autoencoder,
                content,
                strength,
                lambda features: self.transferred(features, style, strength, statistics, maps),
            )

    def transferred(
        self,
        features: Features,
        style: Prepared,
        strength: Strength = 1.0,
        statistics: Statistics | None = None,
        maps: Float[Tensor, "regions height width"] | None = None,
    ) -> Features:
        """The features of a content with the moments of the style, at every tap."""
        found = {}
        for place, tap in enumerate(self.taps):
            wanted = Moments(style[2 * place][None], style[2 * place + 1][None])
            given = (
                None if statistics is None else Moments(statistics[place][None, :, 0], statistics[place][None, :, 1])
            )
            found[tap] = adain(features[tap], wanted, strength, content=given, maps=maps)
        return found

    def statistics(
        self,
        content: Float[Tensor, "1 3 height width"],
        style: Prepared,
        maps: Float[Tensor, "regions height width"] | None = None,
        strength: Strength = 1.0,
    ) -> Statistics:
        """Mean and deviation of the content's features at every tap, whatever the style and its strength."""
        with self.computing():
            return content_statistics(self.autoencoder, content, maps)

    def _blended(self, styles: Sequence[Wanted]) -> dict[str, Moments]:
        kept = []
        for style in styles:
            with self.computing():
                features = self.autoencoder.features_of(style)
            kept.append({tap: moments_of(found) for tap, found in features.items()})
        shares = shares_of(styles)
        return {tap: blended([one[tap] for one in kept], shares) for tap in self.taps}
