"""What a network that predicts gains and offsets from a style's picture learns from.

The losses of Ghiasi et al. (https://arxiv.org/abs/1705.06830) are those of `segue.objectives.style.perceptual`, with
the statistics of each style crop for its target. Deviation: a part of every batch has its own content as its style and
shall come back as it was, since strength below 1 goes from there.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from segue.objectives.style.batch import StyleBatch, StyleObjective
from segue.objectives.style.perceptual import perceptual_terms, statistics_of
from segue.style.loss_network import LossNetwork
from segue.style.objective import Recipe
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
        with torch.no_grad():
            wanted = judge(batch.content)
            own = statistics_of(recipe, {tap: found[:same] for tap, found in wanted.items()}) if same else {}
            targets = statistics_of(recipe, judge(style))
            targets = {tap: torch.cat([own[tap], one]) if same else one for tap, one in targets.items()}
        terms = perceptual_terms(recipe, painted, judge(painted), wanted, targets)
        if same:
            lost = (painted[:same].float() - batch.content[:same]).abs().mean()
            terms["identity"] = identity_weight * lost
        return terms

    return objective
