"""What a decoder follows a text by: the fast variant of CLIPstyler (Kwon and Ye 2022, https://arxiv.org/abs/2112.00374).

Every crop of a photo is painted; CLIP shall see the crop, and slanted views of it, change as the words change from
"a photo" to the text, while the encoder's own deepest features stay near those of the photo. The weights are those of
the authors' program. Where we deviate, besides what `segue.style.text_objective` says of patches, templates and total
variation: the content's distance is divided by the power of its target, so that one weight serves every encoder.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from segue.objectives.style.adain import relative
from segue.objectives.style.batch import StyleBatch, StyleObjective
from segue.style.clip_guidance import ClipGuide
from segue.style.text_network import TextNetwork
from segue.style.text_objective import directional, patch_corners, patches, rejected, text_direction, variation

DRAWS = 2**31 - 1
# published is 1 for the mean square at relu4_1 of VGG19 with its activations brought to a mean of 1; ours is divided by
# the features' power, which there is about 5 (measured at relu3_1 on three photos: 4.3 to 5.0)
CONTENT_WEIGHT = 5.0


@dataclass(frozen=True)
class DecoderRecipe:
    """The weights of the terms, as published; `patches` are views of each crop, as large as the crop but for slant.

    A view's loss is 1 - cos, from 0 to 2; those of at most `threshold` count nothing. `content_weight` is for a
    distance that is 1 where every feature is lost.
    """

    content_weight: float = CONTENT_WEIGHT
    patch_weight: float = 10.0
    global_weight: float = 1.0
    tv_weight: float = 1e-4
    threshold: float = 0.7
    patches: int = 16


def text_decoder_objective(guide: ClipGuide, text: str, recipe: DecoderRecipe) -> StyleObjective:
    """The objective `objective(network, batch) -> {term: value}` of a `TextNetwork`; `guide` is where it computes.

    Views are drawn from torch's stream, which the step loop keys to its step. Raises `UsageError` for a text that CLIP
    cannot tell from "a photo".
    """
    wanted = text_direction(guide, text)

    def objective(network: TextNetwork, batch: StyleBatch) -> dict[str, Float[Tensor, ""]]:
        painted, features = network(batch.content)
        with torch.no_grad():
            before = guide.of_pictures(batch.content)
        views = guide.of_pictures(views_of(painted, recipe.patches, guide.side))
        each = directional(views - before.repeat_interleave(recipe.patches, 0), wanted)
        whole = directional(guide.of_pictures(painted) - before, wanted)
        deepest = network.autoencoder.taps[0].name
        return {
            "content": recipe.content_weight * relative(network.features(painted)[deepest], features[deepest]),
            "patch": recipe.patch_weight * rejected(each, recipe.threshold).mean(),
            "global": recipe.global_weight * whole.mean(),
            "tv": recipe.tv_weight * variation(painted),
        }

    return objective


def views_of(
    pictures: Float[Tensor, "batch 3 height width"], count: int, side: int
) -> Float[Tensor, "views 3 side side"]:
    """`count` slanted views of each picture, one picture after another; they are others at every call."""
    drawn = int(torch.randint(DRAWS, ()))
    size = (pictures.shape[2], pictures.shape[3])
    corners = [patch_corners(drawn, number, count, size, share=1.0) for number in range(len(pictures))]
    return torch.cat([patches(one[None], four, side) for one, four in zip(pictures, corners, strict=True)])
