"""Networks that PyTorch's example fast_neural_style trained, read from the state dict it saves.

https://github.com/pytorch/examples/tree/main/fast_neural_style; its network is that of `segue.style.transform_network`
with one style, pictures from 0 to 255 on both sides, and no change but a picture coming out. The scale goes into the
first and the last weights; biases in front of a normalisation have no effect and are left out, as are running
statistics, which old versions saved and never used.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from segue.errors import WeightsError
from segue.style.transform_network import BLOCKS, WIDTHS, TransformNetwork

SCALE = 255
BLOCK_NAMES = [f"res{block}" for block in range(1, BLOCKS + 1)]
CONVOLUTIONS = (
    *("conv1", "conv2", "conv3"),
    *(f"{block}.conv{half}" for block in BLOCK_NAMES for half in (1, 2)),
    *("deconv1", "deconv2", "deconv3"),
)
NORMS = ("in1", "in2", "in3", *(f"{block}.in{half}" for block in BLOCK_NAMES for half in (1, 2)), "in4", "in5")


def from_example(tensors: Mapping[str, Tensor], path: Path) -> TransformNetwork:
    """The network with these weights; raises `WeightsError`, which names `path`, where they are another network's."""
    first = tensors.get("conv1.conv2d.weight")
    width = len(first) / WIDTHS[0] if first is not None and first.ndim == 4 else 0.0
    if not 0.1 <= width <= 8:
        raise WeightsError(
            f"{path}: expected a network of PyTorch's example fast_neural_style, got no conv1.conv2d.weight: give a "
            "run of segue style train, or a file that the example saved"
        )
    with torch.random.fork_rng(devices=[]):
        network = TransformNetwork(1, width, output="picture")
    own = network.state_dict()  # whose tensors are the network's own
    with torch.no_grad():
        for place, name in enumerate(CONVOLUTIONS):
            _fill(own[f"convolutions.{place}.weight"], f"{name}.conv2d.weight", tensors, path)
        for place, name in enumerate(NORMS):  # the picture that comes out has none
            _fill(own[f"norms.{place}.gain"], f"{name}.weight", tensors, path)
            _fill(own[f"norms.{place}.offset"], f"{name}.bias", tensors, path)
        last = f"convolutions.{len(CONVOLUTIONS) - 1}"
        _fill(own[f"{last}.bias"], f"{CONVOLUTIONS[-1]}.conv2d.bias", tensors, path)
        own["convolutions.0.weight"].mul_(SCALE)
        own[f"{last}.weight"].div_(SCALE)
        own[f"{last}.bias"].div_(SCALE)
    return network


def _fill(own: Tensor, name: str, tensors: Mapping[str, Tensor], path: Path) -> None:
    given = tensors.get(name)
    if given is None or given.numel() != own.numel():
        got = "none" if given is None else f"{tuple(given.shape)}"
        raise WeightsError(f"{path}: expected {name} as PyTorch's example fast_neural_style saves it, got {got}")
    own.copy_(given.reshape(own.shape))
