"""Which network a run trains: what was asked for, else what its source is, else the default."""

from __future__ import annotations

import dataclasses
import logging

from segue.configs import DECODER, ENCODER, ModelConfig
from segue.errors import UsageError
from segue.models.build import ModelSpec
from segue.models.encoders import TAKEN_OVER
from segue.models.sources import find

log = logging.getLogger("segue")


def as_source_says(model: ModelConfig) -> ModelConfig:
    """`model` with an encoder and a decoder: those given, else those of the network it starts from, else the default.

    Raises `UsageError` for another encoder or decoder beside a network that can only be taken over whole.
    """
    checkpoint = find(model.weights)
    if checkpoint is None:
        return dataclasses.replace(model, encoder=model.encoder or ENCODER, decoder=model.decoder or DECODER)
    spec = checkpoint.spec
    if spec.network:
        _refuse_others(model, spec)
    encoder, decoder = model.encoder or spec.encoder, model.decoder or spec.decoder
    if (encoder, decoder) != (model.encoder, model.decoder):
        log.info("network of %s: %s + %s", checkpoint.source.name, encoder, decoder)
    if decoder != spec.decoder:
        log.info("decoder %s is not that of %s (%s): it begins anew", decoder, checkpoint.source.name, spec.decoder)
    return dataclasses.replace(model, encoder=encoder, decoder=decoder)


def network_of(model: ModelConfig) -> str:
    """What `ModelSpec.network` has to hold for a resolved configuration: a description, "" for Segue's own networks.

    Raises `UsageError` when the encoder belongs to a network that `model.weights` is not.
    """
    if not model.encoder.startswith(TAKEN_OVER):
        return ""
    checkpoint = find(model.weights)
    if checkpoint is None or checkpoint.spec.encoder != model.encoder:
        raise UsageError(
            f"--model.encoder {model.encoder}: expected the checkpoint it comes with, got --model.weights "
            f"{model.weights}: name a checkpoint of it, or another encoder"
        )
    return checkpoint.spec.network


def _refuse_others(model: ModelConfig, spec: ModelSpec) -> None:
    for name in ("encoder", "decoder"):
        given, own = getattr(model, name), getattr(spec, name)
        if given not in (own, ""):
            raise UsageError(
                f"--model.{name} {given}: expected {own}, the {name} of {model.weights}, which can only be taken over "
                f"whole: leave --model.{name} out"
            )
