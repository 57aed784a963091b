"""What a network for any style learns from: its picture has the content of one crop and the statistics of another.

Huang and Belongie (https://arxiv.org/abs/1703.06868, section 5) compare content with the features that were decoded and
style by means and deviations at four taps; SANet (https://arxiv.org/abs/1812.02342, section 3.3) compares content with
normalised features and adds identity losses; Ghiasi et al. (https://arxiv.org/abs/1705.06830) compare Gram matrices.
All of these are here. Where we deviate: every term is divided by the power of its target, so that one set of weights
serves every loss network, and 1 is what a map of zeros would get.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from segue.objectives.style.batch import StyleBatch, StyleObjective
from segue.style.adain import EPSILON, moments_of, normalised
from segue.style.adain_network import AdainNetwork
from segue.style.loss_network import Features, LossNetwork
from segue.style.losses import SMALLEST_POWER, total_variation
from segue.style.statistics import widened


@dataclass(frozen=True)
class ArbitraryRecipe:
    """Which features of the loss network are compared, how, and how much each term weighs.

    Attributes:
        content_taps: compared with the content.
        style_taps: compared with the style, all alike.
        content: target compares with the features that the decoder was given, at the network's own taps, which only a
            frozen encoder allows; normalised with the content's features, colour and contrast taken out.
        style: moments (mean and deviation), gram, or both.
        content_weight: of the content term; also of the others, by their names.
        identity: share of a batch, from its front, whose style is its own content: it shall come back as it was.
    """

    content_taps: tuple[str, ...]
    style_taps: tuple[str, ...]
    content: str = "normalised"
    style: str = "moments"
    content_weight: float = 1.0
    style_weight: float = 1.0
    identity_weight: float = 0.0
    tv_weight: float = 0.0
    identity: float = 0.0


def adain_objective(judge: LossNetwork, recipe: ArbitraryRecipe) -> StyleObjective:
    """The objective `objective(network, batch) -> {term: value}` for batches that have a style for each content."""

    def objective(network: AdainNetwork, batch: StyleBatch) -> dict[str, Float[Tensor, ""]]:
        assert batch.style is not None, "the loop shows style pictures to a network that takes them"
        same = round(recipe.identity * len(batch.content))
        styles = with_identity(batch.style, batch.content, same)
        picture, target = network(batch.content, styles)
        found = judge(picture)
        with torch.no_grad():
            style = judge(styles)
            content = judge(batch.content) if recipe.content == "normalised" else {}
        if recipe.content == "normalised":
            away = normalised_distance(found, content, recipe.content_taps)
        else:
            away = target_distance(network.autoencoder.features(picture), target)
        terms = {
            "content": recipe.content_weight * away,
            "style": recipe.style_weight * style_distance(found, style, recipe.style_taps, recipe.style),
        }
        if recipe.identity_weight > 0 and same:
            lost = (picture[:same].float() - batch.content[:same]).abs().mean()
            terms["identity"] = recipe.identity_weight * lost
        if recipe.tv_weight > 0:
            terms["tv"] = recipe.tv_weight * total_variation(picture.float())
        return terms

    return objective


def with_identity(
    styles: Float[Tensor, "batch 3 rows columns"], contents: Float[Tensor, "batch 3 height width"], same: int
) -> Float[Tensor, "batch 3 rows columns"]:
    """The styles, the first `same` of which are the contents themselves; both must be of one size for that."""
    if not same:
        return styles
    return torch.cat([contents[:same], styles[same:]])


def target_distance(found: Features, target: Features) -> Float[Tensor, ""]:
    """Mean squared distance to the features that were decoded, over the taps."""
    return _mean([relative(found[tap], wanted) for tap, wanted in target.items()])


def normalised_distance(found: Features, content: Features, taps: Sequence[str]) -> Float[Tensor, ""]:
    """Mean squared distance of features whose means and deviations were taken out, over the taps."""
    return _mean([relative(normalised(found[tap]), normalised(content[tap])) for tap in taps])


def style_distance(found: Features, style: Features, taps: Sequence[str], statistic: str) -> Float[Tensor, ""]:
    """Distance of means and deviations, of Gram matrices, or the mean of the two, over the taps."""
    terms = []
    for tap in taps:
        ours, theirs = statistics(found[tap], statistic), statistics(style[tap], statistic)
        terms += [relative(one, other) for one, other in zip(ours, theirs, strict=True)]
    return _mean(terms)


def statistics(features: Float[Tensor, "batch channels height width"], statistic: str) -> list[Tensor]:
    """Of every picture, in float32: means and deviations (batch, 2, channels), Gram matrices F Fᵀ / M, or both.

    The diagonal of a Gram matrix holds mean squares, from which both take their deviations.
    """
    if statistic == "moments":
        moments = moments_of(features)
        return [torch.cat([moments.mean, moments.deviation], 1)]
    rows = widened(features.permute(0, 2, 3, 1).flatten(1, 2))  # as they lie in channels-last memory
    gram = rows.transpose(1, 2) @ rows / rows.shape[1]
    if statistic == "gram":
        return [gram]
    mean = rows.mean(1)
    variance = (gram.diagonal(dim1=1, dim2=2) - mean.square()).clamp_min(0)
    return [torch.stack([mean, (variance + EPSILON).sqrt()], 1), gram]


def relative(values: Float[Tensor, " batch *values"], target: Float[Tensor, " batch *values"]) -> Float[Tensor, ""]:
    """The mean over a batch of each one's squared distance, divided by the power of its target."""
    away = (widened(values) - widened(target)).square().flatten(1).mean(1)
    power = widened(target).square().flatten(1).mean(1).clamp_min(SMALLEST_POWER)
    return (away / power).mean()


def _mean(terms: Sequence[Tensor]) -> Float[Tensor, ""]:
    return torch.stack(list(terms)).mean()
