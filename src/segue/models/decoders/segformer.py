"""SegFormer's all-MLP decoder (https://arxiv.org/abs/2105.15203), computed in another order than it is written down."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from segue.models.decoders.decoder import Decoder

LEVELS = 4


class SegFormer(Decoder):
    """One linear layer per map, all resized to the finest of the four coarsest, joined by one more.

    Joining by a 1x1 convolution and resizing bilinearly can change places, so each map passes its part of the
    convolution at its own size; and nothing stands between that and the map's own linear layer, so the two are one
    matrix: the published result up to rounding, without any wide map but the last. No dropout. When to use it: with
    `mit_b0` to `mit_b5` and other hierarchical transformers; light on any encoder.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int], width: int = 256) -> None:
        super().__init__()
        self.used = tuple(range(len(channels)))[-LEVELS:]
        self.out_channels = width
        # coarsest first; names and shapes of the tensors are segmentation_models_pytorch's
        layers = (nn.ModuleDict({"linear": nn.Linear(channels[i], width)}) for i in reversed(self.used))
        self.linear = nn.ModuleList(layers)
        joining = nn.Conv2d(len(self.used) * width, width, 1, bias=False)
        self.fuse = nn.Sequential(joining, nn.BatchNorm2d(width), nn.ReLU(inplace=True))

    def forward(self, features: list[Tensor]) -> Tensor:
        """The joined maps at the size of the finest one used."""
        _, norm, activation = self.fuse
        size = features[self.used[0]].shape[-2:]
        joined: Tensor | None = None
        for i, (weight, bias) in zip(reversed(self.used), self._matrices(), strict=True):
            seen = functional.conv2d(features[i], weight, bias)
            resized = seen if seen.shape[-2:] == size else functional.interpolate(seen, size, mode="bilinear")
            joined = resized if joined is None else resized.add_(joined)
        return activation(norm(joined))  # type: ignore[no-any-return]

    def _matrices(self) -> list[tuple[Float[Tensor, "width channels 1 1"], Float[Tensor, " width"]]]:
        """Each map's linear layer and its part of the joining convolution in one, coarsest first."""
        joining: nn.Conv2d = self.fuse[0]  # type: ignore[assignment]
        parts = joining.weight.flatten(1).chunk(len(self.used), dim=1)
        found = []
        with torch.autocast(joining.weight.device.type, enabled=False):  # weights are not rounded twice
            for part, layer in zip(parts, self.linear, strict=True):
                own: nn.Linear = layer["linear"]  # type: ignore[index]
                found.append(((part @ own.weight)[:, :, None, None], part @ own.bias))
        return found
