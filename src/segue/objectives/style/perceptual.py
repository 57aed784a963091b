"""Perceptual losses (https://arxiv.org/abs/1603.08155): a painted crop has the content of its photo.

The terms are those of `segue style optimise` (`segue.style.losses`), for a whole batch. Deviations from the paper: with
division "relative" a loss is divided by the power of its target, so that weights hold for every loss network; and
the total variation is the mean square of differences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from segue.objectives.style.batch import StyleBatch
from segue.style.loss_network import Features, LossNetwork
from segue.style.losses import content_loss, style_loss
from segue.style.objective import Recipe, terms_of
from segue.style.statistics import STATISTICS

Painter = Callable[[Tensor, Tensor], Tensor]  # pictures and the rows of their styles to paintings


class Perceptual:
    """The objective of a network that learns a row for each style; the statistics of the styles are computed once.

    `styles` are pictures from 0 to 1, at the size at which strokes shall look as they do in them; `first` is the row of
    the first of them. The loss network is already where it computes.
    """

    def __init__(
        self, network: LossNetwork, recipe: Recipe, styles: Sequence[Float[Tensor, "1 3 _ _"]], first: int = 0
    ) -> None:
        self.network, self.recipe, self.first = network, recipe, first
        with torch.no_grad():
            found = [statistics_of(recipe, network(style)) for style in styles]
        self.targets = {tap: torch.cat([one[tap] for one in found]) for tap in recipe.style_taps}

    def __call__(self, model: Painter, batch: StyleBatch) -> dict[str, Float[Tensor, ""]]:
        """The terms `content`, `style` and, where it counts, `tv`, each with its weight in it."""
        index = batch.index
        assert index is not None, "styles that are learned are known by their rows"
        painted = model(batch.content, index)
        with torch.no_grad():
            wanted = self.network(batch.content)
        targets = {tap: self.targets[tap][index - self.first] for tap in self.recipe.style_taps}
        return perceptual_terms(self.recipe, painted, self.network(painted), wanted, targets)


def statistics_of(recipe: Recipe, features: Features) -> Features:
    """The recipe's statistic of every picture of a batch at every style tap, (batch, ...)."""
    statistic = STATISTICS[recipe.statistic]
    return {tap: torch.cat([statistic(one[None], None) for one in features[tap]]) for tap in recipe.style_taps}


def perceptual_terms(
    recipe: Recipe,
    painted: Float[Tensor, "batch 3 height width"],
    features: Features,
    wanted: Features,
    targets: Features,
) -> dict[str, Float[Tensor, ""]]:
    """The terms of a batch, see `terms_of`.

    `features` are those of what was painted, `wanted` those of the photos, `targets` the statistics of the styles, a
    row for each picture of the batch.
    """
    contents = [content_loss(features[tap], wanted[tap], recipe.division) for tap in recipe.content_taps]
    statistics, areas = statistics_of(recipe, features), painted.new_full((len(painted),), 1 / len(painted))
    styles = [
        weight * style_loss(statistics[tap], targets[tap], areas, recipe.division)
        for tap, weight in zip(recipe.style_taps, recipe.tap_weights, strict=True)
    ]
    return terms_of(recipe, painted, contents, styles)
