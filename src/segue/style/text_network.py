"""One style that words gave, in one pass: the features of a photo go straight into a decoder that was trained further.

The fast variant of CLIPstyler (Kwon and Ye 2022, https://arxiv.org/abs/2112.00374): the style lies in the decoder
alone, so there is nothing to prepare and nothing to normalise by, and tiles of a large picture are the whole to
rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from segue.errors import UsageError
from segue.style.autoencoder import Autoencoder, Shape
from segue.style.loss_network import Features
from segue.style.network import Prepared, Statistics, Strength, StyleNetwork, Wanted, shares_of


class TextNetwork(StyleNetwork):
    """Knows a single style, row 0; see `segue.style.autoencoder.Shape` for its numbers."""

    kind: ClassVar[str] = "text"
    takes_pictures: ClassVar[bool] = False
    deviations: ClassVar[bool] = False  # it has no statistics

    def __init__(self, shape: Shape | None = None) -> None:
        super().__init__()
        self.autoencoder = Autoencoder(shape or Shape())
        self.step, self.reach = self.autoencoder.step, self.autoencoder.reach

    @classmethod
    def from_numbers(cls, numbers: dict[str, Any]) -> TextNetwork:
        """The network with random weights; raises `UsageError` where `numbers` are not what `numbers` gives."""
        return cls(Shape.from_numbers(numbers))

    @property
    def numbers(self) -> dict[str, Any]:
        """Encoder, taps, widths, blocks and depth."""
        return self.autoencoder.shape.numbers

    def features(self, pictures: Float[Tensor, "batch 3 height width"]) -> Features:
        """The encoder's features at its taps, from deep to shallow."""
        with self.computing():
            return self.autoencoder.features(pictures)

    def forward(
        self, content: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Float[Tensor, "batch 3 height width"], Features]:
        """The pictures painted, not clipped, and the features of the contents that they were decoded from."""
        features = self.features(content)
        with self.computing():
            painted: Tensor = self.autoencoder(features, content.shape[2:])
        return painted.float(), features

    def prepared(self, *regions: Sequence[Wanted]) -> Prepared:
        """Nothing: every region gets the one style there is."""
        for styles in regions:
            shares_of(styles)
            for style in styles:
                if style.row != 0:
                    got = "a picture" if style.row is None else f"row {style.row}"
                    raise UsageError(f"expected the one style this network knows, row 0, got {got}")
        return ()

    def stylise(
        self,
        content: Float[Tensor, "1 3 height width"],
        style: Prepared,
        strength: Strength = 1.0,
        *,
        statistics: Statistics | None = None,
        maps: Float[Tensor, "regions height width"] | None = None,
    ) -> Float[Tensor, "1 3 height width"]:
        """The content painted, see `StyleNetwork`; strength mixes the pixels of content and painting."""
        painted, _ = self(content)
        return torch.lerp(content, painted.clamp(0, 1), strength)

    def statistics(
        self,
        content: Float[Tensor, "1 3 height width"],
        style: Prepared,
        maps: Float[Tensor, "regions height width"] | None = None,
        strength: Strength = 1.0,
    ) -> Statistics:
        """None: no features are normalised."""
        return ()
