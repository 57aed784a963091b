"""Train the decoder of a network for any style further, until its pictures follow a text.

What it follows is `segue.objectives.style.text`. The encoder stays as it is; what comes out paints in that one style
and needs no CLIP any more.
"""

from __future__ import annotations

import dataclasses

import torch

from segue.errors import UsageError
from segue.objectives.style.text import DecoderRecipe, text_decoder_objective
from segue.style.clip_guidance import load_clip
from segue.style.network import StyleNetwork, Wanted
from segue.style.text_network import TextNetwork
from segue.style.text_objective import SOURCE, TEMPLATES
from segue.style_configs import StyleTrainConfig
from segue.train.style_data import Crops, StyleSet
from segue.train.style_methods.pieces import Pieces, StyleData


def text(config: StyleTrainConfig, data: StyleData, device: torch.device, base: StyleNetwork | None = None) -> Pieces:
    """The pieces of a run; `base` is the network to begin with, for a run that begins.

    Raises:
        UsageError: a crop is too small for the encoder, or CLIP cannot tell the text from "a photo".
        WeightsError: CLIP cannot be had.
        MissingPackageError: transformers is not installed.
    """
    assert data.numbers is not None, "the numbers of the network that it begins with are known"
    guide, source = load_clip(config.clip)
    network = TextNetwork.from_numbers(data.numbers)
    if config.size < network.autoencoder.smallest:
        raise UsageError(
            f"size: expected at least {network.autoencoder.smallest} pixels, which the encoder needs, got {config.size}"
        )
    if base is not None:
        network.load_state_dict(base.state_dict())
    network.autoencoder.encoder.requires_grad_(False)
    network.computing_in(config.precision).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    recipe = recipe_of(config)
    objective = text_decoder_objective(guide.on(device), config.text, recipe)
    batches = StyleSet(Crops(data.photos, config.size, config.seed), config.batch)
    told = {
        "text": config.text,
        "source_text": SOURCE,
        "templates": list(TEMPLATES),
        "begun_from": data.base_sha256,
        **dataclasses.asdict(recipe),
    }
    return Pieces(
        network,
        objective,
        batches,
        lambda one: [one.prepared([Wanted(row=0)])],
        f"clip:{source.name}",
        source,
        told=told,
        files=guide.files,
    )


def recipe_of(config: StyleTrainConfig) -> DecoderRecipe:
    """The published weights, with what was given in their place."""
    given = {
        name: getattr(config, name) for name in ("content_weight", "tv_weight") if getattr(config, name) is not None
    }
    return DecoderRecipe(
        patch_weight=config.text_weight * DecoderRecipe.patch_weight,
        global_weight=config.text_weight * DecoderRecipe.global_weight,
        patches=config.patches,
        **given,
    )
