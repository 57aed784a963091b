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
from segue.style.losses import content_loss, style_loss, total_variation
from segue.style.objective import Recipe
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
        self.statistic = STATISTICS[recipe.statistic]
        with torch.no_grad():
            found = [self._statistics(network(style)) for style in styles]
        self.targets = {tap: torch.cat([one[tap] for one in found]) for tap in recipe.style_taps}

    def __call__(self, model: Painter, batch: StyleBatch) -> dict[str, Float[Tensor, ""]]:
        """The terms `content`, `style` and, where it counts, `tv`, each with its weight in it."""
        recipe, index = self.recipe, batch.index
        assert index is not None, "styles that are learned are known by their rows"
        painted = model(batch.content, index)
        with torch.no_grad():
            wanted = self.network(batch.content)
        features = self.network(painted)
        contents = [content_loss(features[tap], wanted[tap], recipe.division) for tap in recipe.content_taps]
        statistics, areas = self._statistics(features), painted.new_full((len(index),), 1 / len(index))
        styles = [
            weight * style_loss(statistics[tap], self.targets[tap][index - self.first], areas, recipe.division)
            for tap, weight in zip(recipe.style_taps, recipe.tap_weights, strict=True)
        ]
        terms = {
            "content": recipe.content_weight * torch.stack(contents).mean(),
            "style": recipe.style_weight * torch.stack(styles).sum(),
        }
        if recipe.tv_weight:
            terms["tv"] = recipe.tv_weight * total_variation(painted)
        return terms

    def _statistics(self, features: Features) -> Features:
        """The statistic of every picture at every tap, (batch, ...)."""
        return {
            tap: torch.cat([self.statistic(one[None], None) for one in features[tap]]) for tap in self.recipe.style_taps
        }
