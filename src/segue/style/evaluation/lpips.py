"""LPIPS with SqueezeNet: features weighted as people see differences (https://arxiv.org/abs/1801.03924), version 0.1.

The backbone is the ImageNet network, the weights of its channels are a file of 7 tensors of 1 x C x 1 x 1 that the
authors publish. What comes out is the authors' number (`spatial` and `normalize` as they are by default).
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from segue.errors import WeightsError
from segue.models.weight_file import read_weights
from segue.style.loss_network import Features, LossNetwork
from segue.style.taps import SQUEEZENET

BACKBONE = SQUEEZENET
TAPS = ("relu1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9")
CHANNELS = (64, 128, 256, 384, 384, 512, 512)
_EPSILON = 1e-10  # beside the length of a feature vector, the authors'

Weights = tuple[Tensor, ...]


def read_lpips_weights(path: Path) -> Weights:
    """The weight of each channel of each tap, from the authors' file (`lin0.model.1.weight` and so on).

    Raises:
        WeightsError: the file cannot be read, or is that of another backbone.
    """
    numbered = {int(found[1]): tensor for name, tensor in read_weights(path).items() if (found := _LINEAR.match(name))}
    sizes = tuple(int(numbered[number].numel()) for number in sorted(numbered))
    if sizes != CHANNELS:
        got = ", ".join(map(str, sizes)) or "none"
        wanted = ", ".join(map(str, CHANNELS))
        raise WeightsError(f"{path}: expected LPIPS weights for SqueezeNet ({wanted} channels), got {got}: give those")
    return tuple(numbered[number].reshape(1, -1, 1, 1).float() for number in sorted(numbered))


_LINEAR = re.compile(r"lin(\d+)\.")


def unit_features(
    network: LossNetwork, picture: Float[Tensor, "1 3 height width"]
) -> list[Float[Tensor, "1 channels _ _"]]:
    """The features at `TAPS`, every position's vector of length one; pictures from 0 to 1."""
    features: Features = network(picture)
    return [_unit(features[tap].float()) for tap in TAPS]


def lpips(one: list[Tensor], other: list[Tensor], weights: Weights) -> float:
    """The distance of two pictures by their `unit_features`: 0 for the same picture, about 0.5 to 0.8 for unrelated."""
    taps = zip(one, other, weights, strict=True)
    parts = [((a - b).square() * weight.to(a)).sum(1).mean() for a, b, weight in taps]
    return float(torch.stack(parts).sum())


def _unit(features: Float[Tensor, "1 channels height width"]) -> Float[Tensor, "1 channels height width"]:
    return features / (features.square().sum(1, keepdim=True).sqrt() + _EPSILON)
