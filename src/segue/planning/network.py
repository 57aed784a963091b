"""What goes on an encoder, and how fast the encoder may move: measured with networks of its kind.

`benchmarks/plan.md` has the trainings behind both rules.
"""

from __future__ import annotations

import dataclasses
import functools

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from segue.configs import DECODER, FitConfig, TransferConfig
from segue.models.encoders import TAKEN_OVER, create_encoder
from segue.models.sources import find
from segue.models.sources.choice import as_source_says
from segue.planning.candidates import Candidate
from segue.planning.decision import Decision, Decisions

JOINING = "segformer"  # joins all maps by one layer each, so little has to be learned anew
LEVELS = 4  # maps it needs
BATCHNORM_RATE = 1.0
MOVING = ("staged", "gradual", "full", "partial", "tune-last", "tune-first")  # modes with a rate for the encoder


def suited(config: FitConfig, source: Candidate) -> Decisions:
    """Decoder and encoder rate for a source, as far as `config` leaves them open: no decoder, the default rate.

    A network that comes whole brings its decoder, and its rate stays at the default.
    """
    if source.encoder.startswith(TAKEN_OVER) or find(source.weights) is not None:
        return {}
    plain, maps, batchnorm = _facts(source.encoder)
    decisions: Decisions = {}
    if not config.model.decoder:
        decisions["model.decoder"] = _decoder(plain, maps)
    transfer = config.transfer
    unset = transfer.encoder_rate == TransferConfig().encoder_rate and config.optim.encoder_lr is None
    if unset and transfer.mode in MOVING:
        decisions["transfer.encoder_rate"] = _rate(batchnorm)
    return decisions


@functools.cache  # asked for again by every short training
def _facts(name: str) -> tuple[bool, int, bool]:
    """Of an encoder: whether all its maps have one size, how many there are, and whether it has BatchNorm."""
    with torch.random.fork_rng(devices=[]):
        encoder = create_encoder(name)
    return encoder.plain, len(encoder.strides), any(isinstance(one, _BatchNorm) for one in encoder.modules())


def with_source(config: FitConfig, source: Candidate) -> FitConfig:
    """`config` with a source, and what suits it."""
    values = {name: one.value for name, one in suited(config, source).items()}
    model = dataclasses.replace(
        config.model,
        encoder=source.encoder,
        weights=source.weights,
        decoder=values.get("model.decoder", config.model.decoder),
    )
    rate = values.get("transfer.encoder_rate", config.transfer.encoder_rate)
    transfer = dataclasses.replace(config.transfer, encoder_rate=rate)
    return dataclasses.replace(config, model=as_source_says(model), transfer=transfer)


def _decoder(plain: bool, levels: int) -> Decision:
    inputs = {"maps": levels, "of_one_size": plain}
    if plain or levels < LEVELS:
        return Decision(DECODER, f"the default: {JOINING} wants {LEVELS} maps of falling size", inputs)
    rule = (
        f"one layer for each of the encoder's maps: it learns from fewer steps than {DECODER}, and was ahead or level "
        "on four of five data sets"
    )
    return Decision(JOINING, rule, inputs)


def _rate(batchnorm: bool) -> Decision:
    inputs = {"batchnorm": batchnorm}
    if not batchnorm:
        rule = "the default: encoders without BatchNorm were not measured, and transformers do not bear high rates"
        return Decision(TransferConfig().encoder_rate, rule, inputs)
    rule = "as fast as the decoder, once that has been warmed up: BatchNorm keeps a convolutional encoder from drifting"
    return Decision(BATCHNORM_RATE, rule, inputs)
