"""Which network a run trains: what its source is, where nothing else was asked for."""

from __future__ import annotations

import dataclasses
import logging

from segue.configs import ModelConfig
from segue.errors import UsageError
from segue.models.build import ModelSpec
from segue.models.encoders import TAKEN_OVER
from segue.models.sources import find

log = logging.getLogger("segue")


def as_source_says(model: ModelConfig) -> ModelConfig:
    """`model` with the encoder and the decoder of the network it starts from, where these are left at their defaults.

    Raises `UsageError` for another encoder or decoder beside a network that can only be taken over whole.
    """
    checkpoint = find(model.weights)
    if checkpoint is None:
        return model
    spec, default = checkpoint.spec, ModelConfig()
    if spec.network:
        _refuse_others(model, default, spec)
    encoder = spec.encoder if model.encoder == default.encoder else model.encoder
    decoder = spec.decoder if model.decoder == default.decoder else model.decoder
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


def _refuse_others(model: ModelConfig, default: ModelConfig, spec: ModelSpec) -> None:
    for name in ("encoder", "decoder"):
        given, own = getattr(model, name), getattr(spec, name)
        if given not in (own, getattr(default, name)):
            raise UsageError(
                f"--model.{name} {given}: expected {own}, the {name} of {model.weights}, which can only be taken over "
                f"whole: leave --model.{name} out"
            )
