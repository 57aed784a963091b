"""What networks that attend to a style learn from, in two ways of two papers.

SANet (https://arxiv.org/abs/1812.02342, section 3.3): normalised content features, moments of the style, and pictures
that are their own style shall come back, in pixels and in features. AdaAttN (https://arxiv.org/abs/2108.03647, section
3.3): moments of the style, and the features that attention without learned parts would put together at every place.
Every term is divided by the power of its target, as in `segue.objectives.style.adain`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from segue.objectives.style.adain import normalised_distance, relative, style_distance, with_identity
from segue.objectives.style.batch import StyleBatch, StyleObjective
from segue.style.adain import EPSILON, normalised
from segue.style.attention import MOST, as_map, attended, rows, subset
from segue.style.attention_network import AttentionNetwork
from segue.style.loss_network import Features, LossNetwork
from segue.style.losses import total_variation
from segue.style.statistics import widened


@dataclass(frozen=True)
class AttentionRecipe:
    """Which features of the loss network are compared, and how much each term weighs; 0 leaves a term out.

    Attributes:
        content_taps: compared with the content, normalised (SANet).
        style_taps: whose moments are compared with the style's, and whose features with an identity's.
        local_taps: compared with what attention would put there (AdaAttN).
        identity: share of a batch, from its front, whose style is its own content.
        pixels_weight: of an identity's pixels, their mean absolute distance.
        features_weight: of an identity's features.
        tv_weight: of the total variation, which neither paper has.
    """

    content_taps: tuple[str, ...]
    style_taps: tuple[str, ...]
    local_taps: tuple[str, ...] = ()
    content_weight: float = 1.0
    style_weight: float = 1.0
    local_weight: float = 0.0
    identity: float = 0.25
    pixels_weight: float = 1.0
    features_weight: float = 1.0
    tv_weight: float = 0.0


def attention_objective(judge: LossNetwork, recipe: AttentionRecipe) -> StyleObjective:
    """The objective `objective(network, batch) -> {term: value}` for batches that have a style for each content."""

    def objective(network: AttentionNetwork, batch: StyleBatch) -> dict[str, Float[Tensor, ""]]:
        assert batch.style is not None, "the loop shows style pictures to a network that takes them"
        same = round(recipe.identity * len(batch.content))
        styles = with_identity(batch.style, batch.content, same)
        picture, _ = network(batch.content, styles)
        found = judge(picture)
        with torch.no_grad():
            content, style = judge(batch.content), judge(styles)
            local = {tap: put_together(content[tap], style[tap]) for tap in recipe.local_taps}
        terms = {"style": recipe.style_weight * style_distance(found, style, recipe.style_taps, "moments")}
        if recipe.content_weight > 0:
            terms["content"] = recipe.content_weight * normalised_distance(found, content, recipe.content_taps)
        if recipe.local_weight > 0 and local:
            away = [relative(found[tap], wanted) for tap, wanted in local.items()]
            terms["local"] = recipe.local_weight * torch.stack(away).mean()
        if same:
            lost = (picture[:same].float() - batch.content[:same]).abs().mean()
            terms["identity"] = recipe.pixels_weight * lost
            terms["identity_features"] = recipe.features_weight * _identity(found, content, recipe.style_taps, same)
        if recipe.tv_weight > 0:
            terms["tv"] = recipe.tv_weight * total_variation(picture.float())
        return terms

    return objective


def put_together(
    content: Float[Tensor, "batch channels height width"], style: Float[Tensor, "batch channels _ _"]
) -> Float[Tensor, "batch channels height width"]:
    """AdaAttN without learned parts: each place of the content, with the mean and deviation it attends to."""
    plain = normalised(content)
    chosen = subset(style.shape[2] * style.shape[3], MOST, 0).to(style.device)
    keys, values = rows(normalised(style))[:, chosen], rows(widened(style))[:, chosen]
    mean, square = attended(rows(plain), keys, torch.cat([values, values.square()], 2)).chunk(2, 2)
    deviation = ((square - mean.square()).clamp_min(0) + EPSILON).sqrt()
    return as_map(deviation, content) * plain + as_map(mean, content)


def _identity(found: Features, content: Features, taps: Sequence[str], same: int) -> Float[Tensor, ""]:
    return torch.stack([relative(found[tap][:same], content[tap][:same]) for tap in taps]).mean()
