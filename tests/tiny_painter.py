"""Small networks that paint, with random rows that differ, and what a training of one needs."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from segue.style.loss_network import build_loss_network
from segue.style.picture import write_picture
from segue.style.predicted_network import PredictedNetwork
from segue.style.transform_network import TransformNetwork
from tiny_style import picture


def painter(styles: int = 3, width: float = 0.1, blocks: int = 1, seed: int = 0) -> TransformNetwork:
    """A network whose rows are not the ones it begins with, so that styles, places and pictures can be told apart."""
    torch.manual_seed(seed)
    network = TransformNetwork(styles, width, blocks)
    for norm in network.norms:
        torch.nn.init.normal_(norm.gain, 1.0, 0.5)
        torch.nn.init.normal_(norm.offset, 0.0, 0.5)
    return network.eval().requires_grad_(False)


def predicting(encoder: str = "test_efficientnet@2", seed: int = 0, blocks: int = 1) -> PredictedNetwork:
    """A network that predicts gains and offsets which differ clearly from style to style."""
    torch.manual_seed(seed)
    network = PredictedNetwork(encoder, code=8, width=0.1, blocks=blocks)
    network.predictor.measure([torch.cat([picture(number, 32, 32) for number in range(16)])])
    torch.nn.init.normal_(network.predictor.predict.weight, 0, 0.2)
    return network


def loss_weights(path: Path, tap: str = "relu2_1") -> Path:
    """A file of random weights of VGG16 that let a picture through, up to a tap."""
    torch.manual_seed(0)
    state = build_loss_network("vgg16", [tap]).trunk.layers.state_dict()
    for tensor in state.values():
        torch.nn.init.normal_(tensor, 0, (2 / tensor[0].numel()) ** 0.5 if tensor.ndim > 1 else 0.02)
    torch.save({f"features.{name}": tensor for name, tensor in state.items()}, path)
    return path


def textured(seed: int, height: int, width: int) -> Tensor:
    """A picture of stripes in two colours, which has a style of its own."""
    torch.manual_seed(seed)
    down, beside = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    waves = 0.5 + 0.5 * torch.sin(0.7 * down + (0.3 + seed) * beside)
    first, second = torch.rand(2, 1, 3, 1, 1)
    return first * waves + second * (1 - waves)


def folder_of_photos(root: Path, count: int = 4) -> Path:
    """Photos of several sizes, upright and lying."""
    (root / "photos").mkdir()
    for number in range(count):
        size = ((40, 56), (61, 45), (48, 48), (35, 80))[number % 4]
        write_picture(root / "photos" / f"{number}.png", picture(number, *size))
    return root / "photos"
