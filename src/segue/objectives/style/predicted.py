"""What a network that predicts gains and offsets from a style's picture learns from.

Ghiasi et al. (https://arxiv.org/abs/1705.06830) compare the content's features as they are, and Gram matrices. Where we
deviate: features of the content have colour and contrast taken out, without which a short training keeps the photo's
palette; style is compared by means and deviations beside Gram matrices; and a part of every batch has its own content
as its style and shall come back as it was, since strength below 1 goes from there. Terms are divided as in
`segue.objectives.style.adain`.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from segue.objectives.style.adain import normalised_distance, style_distance
from segue.objectives.style.batch import StyleBatch, StyleObjective
from segue.style.loss_network import Features, LossNetwork
from segue.style.objective import Recipe, terms_of
from segue.style.predicted_network import PredictedNetwork


def predicted_objective(
    judge: LossNetwork, recipe: Recipe, identity: float = 0.0, identity_weight: float = 0.0
) -> StyleObjective:
    """The objective `objective(network, batch) -> {term: value}` for batches that have a style for each content.

    `identity` is the share of a batch, from its front, whose style is its own content; `identity_weight` weighs the
    mean absolute distance of its pixels. Style crops may have another size than those of photos.
    """

    def objective(network: PredictedNetwork, batch: StyleBatch) -> dict[str, Float[Tensor, ""]]:
        assert batch.style is not None, "the loop shows style pictures to a network that takes them"
        same = round(identity * len(batch.content))
        style = batch.style[same:]
        codes = [network.codes(batch.content[:same])] if same else []
        painted = network(batch.content, torch.cat([*codes, network.codes(style)]))
        found = judge(painted)
        with torch.no_grad():
            content, wanted = judge(batch.content), judge(style)
        away = normalised_distance(found, content, recipe.content_taps)
        terms = terms_of(recipe, painted, [away], _styles(recipe, found, content, wanted, same))
        if same:
            lost = (painted[:same].float() - batch.content[:same]).abs().mean()
            terms["identity"] = identity_weight * lost
        return terms

    return objective


def _styles(recipe: Recipe, found: Features, content: Features, style: Features, same: int) -> list[Tensor]:
    """By tap, the weighted distance to each picture's style, its own content for the first `same`: means of a batch."""
    weighted = []
    for tap, weight in zip(recipe.style_taps, recipe.tap_weights, strict=True):
        parts = [({tap: found[tap][same:]}, style)] if len(style[tap]) else []
        parts += [({tap: found[tap][:same]}, {tap: content[tap][:same]})] if same else []
        away = [style_distance(one, other, (tap,), "both") * len(one[tap]) for one, other in parts]
        weighted.append(weight * torch.stack(away).sum() / len(found[tap]))
    return weighted
