"""A loss network with a few random weights, and pictures to go with it."""

from __future__ import annotations

import torch
from torch import Tensor

from segue.style.loss_network import Layers, LossNetwork
from segue.style.objective import Objective, Recipe, Style
from segue.style.taps import Layer

LAYERS = (
    Layer("conv", 3, 12),
    Layer("relu", 12, 12, "fine"),
    Layer("pool", 12, 12),
    Layer("conv", 12, 16),
    Layer("relu", 16, 16, "coarse"),
)
TAPS = ("fine", "coarse")


def network(seed: int = 0) -> LossNetwork:
    """Two taps at strides 1 and 2."""
    torch.manual_seed(seed)
    layers = Layers(LAYERS, TAPS)
    for parameter in layers.parameters():
        torch.nn.init.normal_(parameter, 0, parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.1)
    return LossNetwork(layers).prepared(torch.device("cpu"), "fp32")


def recipe(
    content: float = 1.0, style: float = 1.0, tv: float = 0.0, content_tap: str = "coarse", **changes: str
) -> Recipe:
    """Content at one tap, style at both."""
    return Recipe((content_tap,), TAPS, (0.5, 0.5), content, style, tv, **{"division": "relative", **changes})


def picture(seed: int, height: int = 24, width: int = 31) -> Tensor:
    """A smooth random picture from 0 to 1."""
    drawn = torch.rand(1, 3, max(2, height // 4), max(2, width // 4), generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(drawn, (height, width), mode="bilinear")


def objective(content: Tensor, /, *styles: Style | Tensor, maps: Tensor | None = None, **options: object) -> Objective:
    """An objective with the tiny network; `options` are those of `recipe`."""
    whole = [style if isinstance(style, Style) else Style(style) for style in styles]
    return Objective(network(), recipe(**options), content, whole, maps)  # type: ignore[arg-type]
