"""Any style in one pass by attention: an encoder, `segue.style.attention` at some of its taps, and a decoder.

A relative of SANet (https://arxiv.org/abs/1812.02342) and AdaAttN (https://arxiv.org/abs/2108.03647), for any encoder
with named taps; where it differs from them stands in `segue.style.attention`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from segue.errors import UsageError
from segue.style.adain import Moments, moments_of
from segue.style.attention import KINDS, Seen, StyleAttention
from segue.style.autoencoder import Autoencoder, Shape
from segue.style.loss_network import Features
from segue.style.network import Prepared, Statistics, Strength, StyleNetwork, Wanted, shares_of
from segue.style.regions import shrunk
from segue.style.through_features import content_statistics, decoded

Kept = dict[str, tuple[Seen, ...]]  # by tap, the styles of one region


class AttentionNetwork(StyleNetwork):
    """Paints in the style of pictures it has never seen, place by place.

    Args:
        shape: encoder, taps and decoder.
        attention: sanet or adaattn.
    """

    kind: ClassVar[str] = "attention"
    takes_pictures: ClassVar[bool] = True
    deviations: ClassVar[bool] = True

    def __init__(self, shape: Shape | None = None, attention: str = "adaattn") -> None:
        super().__init__()
        if attention not in KINDS:
            raise UsageError(f"expected attention of the kind {' or '.join(KINDS)}, got {attention!r}")
        self.autoencoder = Autoencoder(shape or Shape())
        self.attention = attention
        self.taps = tuple(tap.name for tap in self.autoencoder.taps)
        self.transfers = nn.ModuleDict({
            tap.name: StyleAttention(tap.channels, attention) for tap in self.autoencoder.taps
        })  # fmt: skip
        self.step = max(tap.stride for tap in self.autoencoder.taps)
        self.reach = self.autoencoder.reach

    @classmethod
    def from_numbers(cls, numbers: dict[str, Any]) -> AttentionNetwork:
        """The network with random weights; raises `UsageError` where `numbers` are not what `numbers` gives."""
        rest = {name: value for name, value in numbers.items() if name != "attention"}
        return cls(Shape.from_numbers(rest), str(numbers.get("attention")))

    @property
    def numbers(self) -> dict[str, Any]:
        """The kind of attention, and encoder, taps, widths, blocks and depth."""
        return {"attention": self.attention, **self.autoencoder.shape.numbers}

    def forward(
        self, content: Float[Tensor, "batch 3 height width"], style: Float[Tensor, "batch 3 _ _"]
    ) -> tuple[Float[Tensor, "batch 3 height width"], Features]:
        """Each picture of a batch in the style of its neighbour, not clipped, and the features it was decoded from."""
        with self.computing():
            features, styles = self.autoencoder.features(content), self.autoencoder.features(style)
            target = {tap: self.transfers[tap](features[tap], self._seen(tap, styles[tap])) for tap in self.taps}
            return self.autoencoder(target, content.shape[2:]), target

    def prepared(self, *regions: Sequence[Wanted]) -> Prepared:
        """The shares (regions, styles), and behind them keys and values of every style of every region, tap by tap."""
        shares = [shares_of(styles) for styles in regions]
        table = torch.zeros(len(shares), max(map(len, shares)))
        kept = [table]
        for region, styles in enumerate(regions):
            for place, style in enumerate(styles):
                if style.picture is None:
                    raise UsageError(f"expected the picture of a style, which this network takes, got row {style.row}")
                table[region, place] = shares[region][place]
                if shares[region][place] > 0:
                    kept += self._keys_and_values(style.picture)
        return tuple(kept)

    def stylise(
        self,
        content: Float[Tensor, "1 3 height width"],
        style: Prepared,
        strength: Strength = 1.0,
        *,
        statistics: Statistics | None = None,
        maps: Float[Tensor, "regions height width"] | None = None,
    ) -> Float[Tensor, "1 3 height width"]:
        """The content painted, see `StyleNetwork`; strength works as in `segue.style.adain_network`."""
        return self.painted(content, tuple(self.unpacked(style)), strength, statistics, maps)

    def painted(
        self,
        content: Float[Tensor, "1 3 height width"],
        regions: Sequence[Kept],
        strength: Strength = 1.0,
        statistics: Statistics | None = None,
        maps: Float[Tensor, "regions height width"] | None = None,
    ) -> Float[Tensor, "1 3 height width"]:
        """As `stylise`, with what was prepared told apart by region, tap and style already."""
        with self.computing():
            return decoded(
                self.autoencoder,
                content,
                strength,
                lambda features: self._gathered(features, regions, strength, statistics, maps),
            )

    def transferred(
        self,
        features: Features,
        style: Prepared,
        strength: Strength = 1.0,
        statistics: Statistics | None = None,
        maps: Float[Tensor, "regions height width"] | None = None,
    ) -> Features:
        """The features of a content with what they found in the style; where no region is they stay as they are."""
        return self._gathered(features, tuple(self.unpacked(style)), strength, statistics, maps)

    def _gathered(
        self,
        features: Features,
        regions: Sequence[Kept],
        strength: Strength,
        statistics: Statistics | None,
        maps: Tensor | None,
    ) -> Features:
        found = dict(features)
        for region, kept in enumerate(regions):
            for place, tap in enumerate(self.taps):
                given = _region(statistics[place], region) if statistics is not None else None
                own = features[tap]
                if given is None and maps is not None:
                    given = moments_of(own, maps[region : region + 1])
                inside = (
                    strength
                    if maps is None
                    else strength * shrunk(maps[region : region + 1], (own.shape[2], own.shape[3]))
                )
                found[tap] = found[tap] + inside * (self.transfers[tap](own, kept[tap], given) - own)
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

    def _keys_and_values(self, picture: Tensor) -> list[Tensor]:
        with self.computing():
            features = self.autoencoder.features(self.autoencoder.beside(picture))
            seen = [self._seen(tap, features[tap])[0] for tap in self.taps]
        return [tensor for one in seen for tensor in (one.keys, one.values)]

    def _seen(self, tap: str, features: Tensor) -> tuple[Seen, ...]:
        seen: tuple[Seen, ...] = self.transfers[tap].prepared(features)  # type: ignore[operator]
        return seen

    def unpacked(self, style: Prepared) -> Iterator[Kept]:
        """What was prepared, region by region."""
        rest = iter(style[1:])
        for shares in style[0].tolist():
            kept: dict[str, list[Seen]] = {tap: [] for tap in self.taps}
            for share in shares:
                for tap in self.taps if share > 0 else ():
                    kept[tap].append(Seen(next(rest), next(rest), share))
            yield {tap: tuple(seen) for tap, seen in kept.items()}


def _region(statistic: Tensor, region: int) -> Moments:
    own = statistic[None, region : region + 1]
    return Moments(own[:, :, 0], own[:, :, 1])
