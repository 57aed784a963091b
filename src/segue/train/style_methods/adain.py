"""Learn to paint in any style by its means and deviations: `segue.style.adain_network`.

With the encoder `own` the small network that ships with Segue is trained anew, on your photos and styles; with `loss`
the loss network itself, frozen, is the encoder at its deepest style tap, as in the paper
(https://arxiv.org/abs/1703.06868), and the file of the model holds its weights, too.
"""

from __future__ import annotations

import torch

from segue.objectives.style.adain import ArbitraryRecipe, adain_objective
from segue.style.adain_network import AdainNetwork
from segue.style.network import StyleNetwork
from segue.style_configs import StyleTrainConfig
from segue.train.style_methods.any_style import IDENTITY, any_style, shape_of
from segue.train.style_methods.pieces import Pieces, StyleData, recipe_of


def adain(config: StyleTrainConfig, data: StyleData, device: torch.device, base: StyleNetwork | None = None) -> Pieces:
    """The pieces of a run; `base` is None, since styles are not added to a network that takes any.

    Raises:
        UsageError: there is no such loss network or tap, or a crop is too small for it.
        WeightsError: its weights cannot be had.
    """
    name, recipe = recipe_of(config)
    torch.manual_seed(config.seed)
    network = AdainNetwork(shape_of(config, name, recipe))
    own = config.encoder == "own"
    content_taps = recipe.content_taps if own else ()  # else the decoded features are compared, at the encoder's tap
    chosen = ArbitraryRecipe(
        content_taps,
        recipe.style_taps,
        content="normalised" if own else "target",
        style="both" if own else "moments",
        content_weight=recipe.content_weight,
        style_weight=recipe.style_weight,
        tv_weight=recipe.tv_weight,
        identity_weight=IDENTITY,
        identity=1 / config.batch if config.batch > 1 else 0.0,
    )
    return any_style(config, data, device, network, lambda judge: adain_objective(judge, chosen), content_taps)
