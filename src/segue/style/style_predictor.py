"""A look at a style becomes a short code, and the code all gains and offsets of a network that paints.

Ghiasi, Lee, Kudlur, Dumoulin and Shlens, "Exploring the structure of a real-time, arbitrary neural artistic stylization
network" (https://arxiv.org/abs/1705.06830): the means of an encoder's channels, 100 numbers, gains and offsets. Where
we deviate: the encoder is any of `segue.models.encoders` in place of Inception v3; means are taken of all its maps, not
of one deep one, and deviations beside them, since shallow maps hold the colours and strokes that a deep one has
abstracted from; each is brought to a common scale that is measured once (`measure`); and BatchNorm keeps its
statistics, so that what is predicted for a style does not depend on its neighbours in a batch.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from segue.errors import UsageError
from segue.models.encoders import create_encoder, encoder_statistics
from segue.style.adain import moments_of
from segue.style.loss_network import Strides
from segue.style.statistics import widened

CODE = 100  # numbers of a style, as in the paper
FIRST = 0.1  # deviation of gains and offsets between styles where training begins
FLOOR = (
    0.1  # least spread of a feature, as a share of the mean spread: some never move on the pictures it is measured on
)
MOST = 5.0  # spreads that a feature may lie from its centre: beyond them is what no picture in training showed


class StylePredictor(nn.Module):
    """Pictures to codes of `code` numbers, and codes to `outputs` numbers that are added to a network's own.

    Codes lead to outputs linearly and without a constant: a mean of codes is a mean of outputs.
    """

    mean: Tensor
    std: Tensor
    centre: Tensor
    spread: Tensor

    def __init__(self, encoder: str, outputs: int, code: int = CODE) -> None:
        super().__init__()
        built = create_encoder(encoder)
        if len(set(built.strides)) < len(built.strides):
            raise UsageError(
                f"predictor {encoder}: expected maps of different strides, got a plain transformer's: choose a CNN"
            )
        self.eyes = Strides(built, [f"stride{stride}" for stride in built.strides])
        mean, std = encoder_statistics(encoder)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))
        width = 2 * sum(built.channels)
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))
        self.shorten = nn.Linear(width, code)
        self.predict = nn.Linear(code, outputs, bias=False)
        nn.init.normal_(self.shorten.weight, 0, width**-0.5)
        nn.init.zeros_(self.shorten.bias)
        nn.init.normal_(self.predict.weight, 0, FIRST * code**-0.5)
        self.train(self.training)

    def features(self, pictures: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch features"]:
        """Mean and deviation of every channel of every map, in float32; any size from one pixel on."""
        maps = self.eyes((pictures - self.mean) / self.std)
        found = [moments_of(widened(one)) for one in maps.values()]
        return torch.cat([part[:, 0] for moments in found for part in (moments.mean, moments.deviation)], 1)

    def codes(self, pictures: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch code"]:
        """What is kept of each picture."""
        features = self.features(pictures)
        with torch.autocast(features.device.type, enabled=False):
            scaled = ((features - self.centre) / self.spread).clamp(-MOST, MOST)
            found: Tensor = self.shorten(scaled)
        return found

    def outputs(self, codes: Float[Tensor, "batch code"]) -> Float[Tensor, "batch outputs"]:
        """What the codes add to gains and offsets, in float32."""
        with torch.autocast(codes.device.type, enabled=False):
            found: Tensor = self.predict(codes)
        return found

    @torch.no_grad()
    def measure(self, batches: Iterable[Float[Tensor, "batch 3 _ _"]]) -> None:
        """Take centre and spread of the features from pictures like those to come."""
        features = torch.cat([self.features(batch) for batch in batches])
        spread, centre = torch.std_mean(features, 0, correction=0)
        floors = [FLOOR * part.mean().expand_as(part) for part in torch.split(spread, self._parts())]
        self.centre.copy_(centre)
        # of one picture, or of black ones, nothing spreads: then features keep the unit they have
        self.spread.copy_(torch.where(spread + torch.cat(floors) > 0, (spread**2 + torch.cat(floors) ** 2).sqrt(), 1.0))

    def train(self, mode: bool = True) -> StylePredictor:
        """All but the encoder's BatchNorm and dropout, which stay as they are when painting."""
        super().train(mode)
        self.eyes.eval()
        return self

    def _parts(self) -> list[int]:
        return [channels for channels in self.eyes.encoder.channels for _ in ("mean", "deviation")]
