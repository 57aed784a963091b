"""Style by attention: every place of the content takes what it needs from the places of the style that are like it.

Two kinds. `sanet` (https://arxiv.org/abs/1812.02342, section 3.2) adds to the content what attention gathered.
`adaattn` (https://arxiv.org/abs/2108.03647, section 3.2) gathers a mean and a deviation for every place, and gives them
to the normalised content. In both, what is compared is normalised, so that likeness is of form and not of colour.

Where we deviate: scores are divided by the root of their channels (the convolutions in front can take that back);
AdaAttN's keys are those of one layer, not of all layers in front; and of a style a seeded subset of places is kept, so
that memory does not grow with the product of two pictures' sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from segue.style.adain import EPSILON, Moments, normalised
from segue.style.statistics import widened

KINDS = ("sanet", "adaattn")
MOST = 4096  # places of a style that are looked at: a map of 64 x 64
CHUNK = 4096  # places of the content that look at once


@dataclass(frozen=True)
class Seen:
    """What is kept of a style at a tap: keys and values at each of its places, and its share among several."""

    keys: Float[Tensor, "batch places inner"]
    values: Float[Tensor, "batch places channels"]
    share: float = 1.0


class StyleAttention(nn.Module):
    """Attention between the features of a content and of a style with the same channels.

    Args:
        channels: of the features.
        kind: sanet or adaattn.
        inner: channels of queries and keys; those of the features when not given.
        seed: of the subset of a style that has more than 4096 places.
    """

    def __init__(self, channels: int, kind: str = "adaattn", inner: int | None = None, seed: int = 0) -> None:
        super().__init__()
        inner = channels if inner is None else inner
        self.kind, self.seed = kind, seed
        self.query, self.key = nn.Conv2d(channels, inner, 1), nn.Conv2d(channels, inner, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.out = nn.Conv2d(channels, channels, 1) if kind == "sanet" else None

    def prepared(
        self, features: Float[Tensor, "batch channels height width"], moments: Moments | None = None
    ) -> tuple[Seen, ...]:
        """The keys and values of one style."""
        compared = normalised(features, moments).to(features.dtype)
        chosen = subset(features.shape[2] * features.shape[3], MOST, self.seed).to(features.device)
        keys, values = (rows(layer)[:, chosen] for layer in (self.key(compared), self.value(features)))
        return (Seen(keys, values),)

    def forward(
        self,
        features: Float[Tensor, "batch channels height width"],
        styles: Sequence[Seen],
        content: Moments | None = None,
    ) -> Float[Tensor, "batch channels height width"]:
        """The content's features with the styles', by their shares; `content` are its moments, its own when None."""
        plain = normalised(features, content)
        queries = rows(self.query(plain.to(features.dtype)))
        total = sum(style.share for style in styles)
        found = torch.stack([style.share / total * self._given(features, plain, queries, style) for style in styles])
        result: Tensor = found.sum(0).to(features.dtype)
        return result

    def _given(self, features: Tensor, plain: Tensor, queries: Tensor, style: Seen) -> Tensor:
        if self.out is not None:
            gathered = attended(queries, style.keys, style.values)
            moved: Tensor = features + self.out(as_map(gathered, features))
            return moved
        values = widened(style.values)
        with torch.autocast(features.device.type, enabled=False):  # squares of half precision would lose the variance
            both = attended(queries.to(values), style.keys.to(values), torch.cat([values, values.square()], 2))
        mean, square = both.chunk(2, 2)
        deviation = ((square - mean.square()).clamp_min(0) + EPSILON).sqrt()
        return as_map(deviation, features) * plain + as_map(mean, features)


def attended(
    queries: Float[Tensor, "batch places inner"],
    keys: Float[Tensor, "batch others inner"],
    values: Float[Tensor, "batch others channels"],
    chunk: int = CHUNK,
) -> Float[Tensor, "batch places channels"]:
    """For every query the mean of the values, weighed by softmax(query · key / √inner).

    Never more than `chunk` queries look at once, which bounds what is in memory beside the result.
    """
    # a graph that is exported has no loop over chunks of a picture whose size it is yet to be told
    chunks = [queries] if torch.compiler.is_exporting() else torch.split(queries, chunk, 1)
    parts = [
        functional.scaled_dot_product_attention(part[:, None], keys[:, None], values[:, None])[:, 0] for part in chunks
    ]
    return torch.cat(parts, 1)


def subset(places: int, most: int, seed: int) -> Int[Tensor, " chosen"]:
    """Which of `places` are looked at: all, or `most` of them, drawn by the seed, in their order."""
    if places <= most:
        return torch.arange(places)
    drawn = torch.randperm(places, generator=torch.Generator().manual_seed(seed))
    return drawn[:most].sort().values


def rows(features: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch places channels"]:
    """A row for every place."""
    return features.flatten(2).transpose(1, 2)


def as_map(
    values: Float[Tensor, "batch places channels"], like: Float[Tensor, "batch _ height width"]
) -> Float[Tensor, "batch channels height width"]:
    """Rows as the map they were."""
    return values.transpose(1, 2).reshape(values.shape[0], values.shape[2], *like.shape[2:])
