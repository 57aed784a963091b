"""A judge: a network that painted nothing here, and what it sees of a picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from segue.models.encoders import create_encoder
from segue.models.source import Source
from segue.style.evaluation.texture import as_texture
from segue.style.loss_network import LossNetwork, load_loss_network
from segue.style.statistics import gram, moments
from segue.style.taps import CONVOLUTIONS, SQUEEZENET

Picture = Float[Tensor, "1 3 height width"]
DEEPEST = 16  # stride past which maps show what things are rather than how they are painted


@dataclass(frozen=True)
class Taps:
    """Where a judge looks: the tap that content is compared at, and those of style."""

    content: str
    style: tuple[str, ...]


@dataclass(frozen=True)
class Judge:
    """A loaded network by name, where it looks, and where its weights are from."""

    name: str
    network: LossNetwork
    taps: Taps
    source: Source


@dataclass(frozen=True)
class Look:
    """What a judge sees of a picture, on the CPU: the map for content, and for each style tap three statistics."""

    content: Float[Tensor, "1 channels rows columns"]
    moments: list[Tensor]
    gram: list[Tensor]
    texture: list[Tensor]


def taps_of(name: str) -> Taps:
    """Where a network of this name looks; raises `UsageError` for an unknown one.

    VGG as far as relu3_3, SqueezeNet as far as fire7, an encoder at strides 2 to 16.
    """
    if name in CONVOLUTIONS:
        return Taps("relu3_3", ("relu1_2", "relu2_2", "relu3_1", "relu3_3"))
    if name == SQUEEZENET:
        return Taps("fire5", ("relu1", "fire3", "fire5", "fire7"))
    with torch.device("meta"):  # its strides are known without filling it with random numbers
        strides = [stride for stride in create_encoder(name).strides if stride <= DEEPEST]
    content = max((stride for stride in strides if stride < DEEPEST), default=DEEPEST)
    return Taps(f"stride{content}", tuple(f"stride{stride}" for stride in strides))


def load_judge(name: str, weights: str, device: torch.device) -> Judge:
    """A network with its weights, in float32.

    Args:
        name: as for `load_loss_network`.
        weights: "hub" or a file.
        device: where it computes.

    Raises:
        UsageError: there is no such network.
        WeightsError: the weights cannot be had.
    """
    taps = taps_of(name)
    network, source = load_loss_network(name, tuple(dict.fromkeys((*taps.style, taps.content))), weights)
    return Judge(name, network.prepared(device, "fp32"), taps, source)


def look(judge: Judge, picture: Picture) -> Look:
    """Look at a picture, and at its luminance alone."""
    features = judge.network(picture)
    plain = judge.network(as_texture(picture))
    taps = judge.taps.style
    return Look(
        features[judge.taps.content].cpu(),
        [moments(features[tap]).cpu() for tap in taps],
        [gram(features[tap]).cpu() for tap in taps],
        [gram(plain[tap]).cpu() for tap in taps],
    )
