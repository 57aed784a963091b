"""What the pixels minimise at one size: targets are computed once, then every picture is compared with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from segue.style.loss_network import Features, LossNetwork
from segue.style.losses import content_loss, style_loss, total_variation
from segue.style.regions import shrunk
from segue.style.seam import joined
from segue.style.statistics import STATISTICS


@dataclass(frozen=True)
class Recipe:
    """Which features are compared, how, and how much each term weighs.

    `tap_weights` belong to `style_taps` and add up to one. `division` is explained in `segue.style.losses`, `statistic`
    is a row of `segue.style.statistics.STATISTICS`.
    """

    content_taps: tuple[str, ...]
    style_taps: tuple[str, ...]
    tap_weights: tuple[float, ...]
    content_weight: float
    style_weight: float
    tv_weight: float
    division: str = "gatys"
    statistic: str = "gram"


@dataclass(frozen=True)
class Style:
    """A style picture at the size it is looked at, its share, and a map of each region (`segue.style.regions`).

    A region that the picture does not have is a map of zeros. `maps` is None where there is one region, everything.
    """

    picture: Float[Tensor, "1 3 height width"]
    share: float = 1.0
    maps: Float[Tensor, "regions rows columns"] | None = None


class Objective:
    """Calling it with a picture of the content's size gives the weighted terms, which add up to what is minimised.

    `share` says how much of the picture is seen over the content (`segue.style.seam`): what is judged is what is shown.
    """

    def __init__(
        self,
        network: LossNetwork,
        recipe: Recipe,
        content: Float[Tensor, "1 3 height width"],
        styles: Sequence[Style],
        maps: Float[Tensor, "regions rows columns"] | None = None,
        share: Float[Tensor, "1 1 height width"] | None = None,
    ) -> None:
        self.network, self.recipe = network, recipe
        self.under, self.share = content, share
        self.statistic = STATISTICS[recipe.statistic]
        with torch.no_grad():
            features = network(content)
            self.content = {tap: features[tap] for tap in recipe.content_taps}
            self.style = {tap: target.contiguous() for tap, target in self._blended(styles).items()}
            sizes = {tap: (features[tap].shape[2], features[tap].shape[3]) for tap in recipe.style_taps}
        self.maps = {tap: None if maps is None else shrunk(maps, size) for tap, size in sizes.items()}
        self.areas = content.new_ones(1) if maps is None else maps.mean((1, 2)) / maps.mean((1, 2)).sum()

    def _blended(self, styles: Sequence[Style]) -> Features:
        """The statistics that the picture shall have: means over the styles that have a region, by their shares.

        A weighted sum of squared distances to several targets and the squared distance to their weighted mean differ by
        a constant, so one target serves as well as many.
        """
        sums: Features = {}
        shares = sum(_presence(style) * style.share for style in styles)
        for style in styles:
            present = _presence(style) > 0
            if not bool(present.any()):
                continue
            features = self.network(style.picture)
            for tap in self.recipe.style_taps:
                found = features[tap]
                maps = None if style.maps is None else shrunk(style.maps[present], (found.shape[2], found.shape[3]))
                statistic = self.statistic(found, maps)
                if tap not in sums:
                    sums[tap] = statistic.new_zeros(len(present), *statistic.shape[1:])
                sums[tap][present] += style.share * statistic
        assert isinstance(shares, Tensor), "there is at least one style"
        return {tap: total / shares.view(-1, *[1] * (total.ndim - 1)) for tap, total in sums.items()}

    def __call__(self, picture: Float[Tensor, "1 3 height width"]) -> dict[str, Float[Tensor, ""]]:
        """The terms of a picture, see `terms_of`."""
        recipe = self.recipe
        if self.share is not None:
            picture = joined(self.under, picture, self.share)
        features, division = self.network(picture), recipe.division
        contents = [content_loss(features[tap], self.content[tap], division) for tap in recipe.content_taps]
        styles = [
            weight * style_loss(self.statistic(features[tap], self.maps[tap]), self.style[tap], self.areas, division)
            for tap, weight in zip(recipe.style_taps, recipe.tap_weights, strict=True)
        ]
        return terms_of(recipe, picture, contents, styles)


def terms_of(
    recipe: Recipe, painted: Float[Tensor, "batch 3 height width"], contents: list[Tensor], styles: list[Tensor]
) -> dict[str, Float[Tensor, ""]]:
    """The terms `content`, `style` and, where it counts, `tv`, each with its weight in it, from the losses of the taps.

    Losses of contents are averaged; those of styles, which have the weights of their taps in them, are added up.
    """
    terms = {
        "content": recipe.content_weight * torch.stack(contents).mean(),
        "style": recipe.style_weight * torch.stack(styles).sum(),
    }
    if recipe.tv_weight:
        terms["tv"] = recipe.tv_weight * total_variation(painted)
    return terms


def _presence(style: Style) -> Float[Tensor, " regions"]:
    """1 for the regions that a style picture has, 0 for others."""
    if style.maps is None:
        return style.picture.new_ones(1)
    return (style.maps.amax((1, 2)) > 0).to(style.picture.dtype)
