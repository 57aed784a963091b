"""Decoder and encoder rate follow from what the encoder is, and only where they were left open."""

import dataclasses

import pytest

from segue.configs import DECODER, FitConfig, ModelConfig, OptimConfig, TransferConfig
from segue.models.decoders import DECODERS
from segue.planning.candidates import Candidate
from segue.planning.network import BATCHNORM_RATE, JOINING, suited, with_source

OPEN = FitConfig(model=ModelConfig(decoder=""))


def source(encoder):
    return Candidate(encoder, encoder, "hub", "")


@pytest.mark.parametrize(
    ("encoder", "decoder", "rate"),
    [
        ("test_resnet", JOINING, BATCHNORM_RATE),
        ("test_resnet@2", DECODER, BATCHNORM_RATE),  # two maps are too few to join
        ("test_vit", DECODER, TransferConfig().encoder_rate),
        ("test_convnext", JOINING, TransferConfig().encoder_rate),  # LayerNorm
    ],
)
def test_they_follow_from_the_encoder(encoder, decoder, rate):
    decided = suited(OPEN, source(encoder))
    assert decided["model.decoder"].value == decoder
    assert decided["model.decoder"].value in DECODERS
    assert decided["transfer.encoder_rate"].value == rate
    config = with_source(OPEN, source(encoder))
    assert (config.model.encoder, config.model.decoder) == (encoder, decoder)
    assert config.transfer.encoder_rate == rate


def test_what_was_given_stands():
    given = dataclasses.replace(OPEN, model=ModelConfig(decoder="fpn"), transfer=TransferConfig(encoder_rate=0.5))
    assert suited(given, source("test_resnet")) == {}
    config = with_source(given, source("test_resnet"))
    assert (config.model.decoder, config.transfer.encoder_rate) == ("fpn", 0.5)
    own_rate = dataclasses.replace(OPEN, optim=OptimConfig(encoder_lr=1e-4))
    assert set(suited(own_rate, source("test_resnet"))) == {"model.decoder"}


@pytest.mark.parametrize("mode", ["frozen", "scratch", "lora"])
def test_no_rate_is_decided_for_an_encoder_that_has_none(mode):
    config = dataclasses.replace(OPEN, transfer=TransferConfig(mode=mode))
    assert "transfer.encoder_rate" not in suited(config, source("test_resnet"))
