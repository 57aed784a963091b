"""Learn to paint in any style place by place: `segue.style.attention_network`.

`sanet` and `adaattn` are its two kinds (https://arxiv.org/abs/1812.02342, https://arxiv.org/abs/2108.03647); the
encoders are those of `segue.train.style_methods.adain`.
"""

from __future__ import annotations

import torch

from segue.objectives.style.attention import AttentionRecipe, attention_objective
from segue.style.attention_network import AttentionNetwork
from segue.style.network import StyleNetwork
from segue.style_configs import StyleTrainConfig
from segue.train.style_methods.any_style import IDENTITY, any_style, shape_of
from segue.train.style_methods.pieces import Pieces, StyleData, recipe_of

TAPS = ("stride8", "stride4")  # of our own encoder: at stride 2, which no paper has, attention took 4/5 of a step


def attention(
    config: StyleTrainConfig, data: StyleData, device: torch.device, base: StyleNetwork | None = None
) -> Pieces:
    """The pieces of a run, as those of `adain`; raises as that does."""
    name, recipe = recipe_of(config)
    torch.manual_seed(config.seed)
    network = AttentionNetwork(shape_of(config, name, recipe, TAPS), config.method)
    sanet = config.method == "sanet"
    content_taps = recipe.content_taps if sanet else ()
    chosen = AttentionRecipe(
        content_taps,
        recipe.style_taps,
        () if sanet else recipe.style_taps[-1:],
        content_weight=recipe.content_weight if sanet else 0.0,
        style_weight=recipe.style_weight,
        local_weight=0.0 if sanet else recipe.content_weight,
        identity=1 / config.batch if config.batch > 1 else 0.0,
        pixels_weight=IDENTITY,
        tv_weight=config.tv_weight or 0.0,  # of presets' weights this one is not meant: the papers have none
    )
    return any_style(config, data, device, network, lambda judge: attention_objective(judge, chosen), content_taps)
