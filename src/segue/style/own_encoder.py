"""The encoder of our own small network: four convolutions to stride 8, trained together with the decoder behind it.

Strides are convolutions, so the finest features have two pixels a side and carry all of a picture's detail; nothing is
normalised inside, so the moments of a part of a picture can stand for those of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from segue.style.decoder import Convolution
from segue.style.loss_network import Features

WIDTHS = (32, 64, 112)  # channels at strides 2, 4 and 8 of the network that ships


class OwnEncoder(nn.Module):
    """Features behind a ReLU at the strides 2, 4 and 8, named `stride2`, `stride4` and `stride8`."""

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        first = max(8, widths[0] // 2)
        self.stem = Convolution(3, first)
        steps = zip((first, *widths), widths, strict=False)
        self.layers = nn.ModuleList(Convolution(one, two, stride=2) for one, two in steps)
        self.taps = tuple(f"stride{2**number}" for number in range(1, len(widths) + 1))
        self.smallest = 1
        self.reach = 1 + sum(2**number for number in range(len(widths)))  # pixels around one of the picture

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> Features:
        """The features by tap, from shallow to deep, of pictures from 0 to 1."""
        values = functional.relu(self.stem(2 * pictures - 1))
        features = {}
        for tap, layer in zip(self.taps, self.layers, strict=True):
            values = functional.relu(layer(values))
            features[tap] = values
        return features
