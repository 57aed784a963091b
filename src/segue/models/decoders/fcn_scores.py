"""FCN-32s, FCN-16s and FCN-8s (https://arxiv.org/abs/1411.4038): scores of several maps, upsampled by learning."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from segue.models.decoders.decoder import Decoder
from segue.models.decoders.upsampling import LearnedUpsampling


class FCN8s(Decoder):
    """FCN-8s (https://arxiv.org/abs/1411.4038): scores of three maps, upsampled by learned kernels and added.

    The scores of the maps at strides 32 and 16 are enlarged to the next finer map, their sum at stride 8 to the image,
    which happens behind the head. All upsampling is learned and starts out bilinear. The skips are added in `width`
    channels from which the head reads the classes, one linear map after another: any FCN-8s of up to `width` classes
    is one of these. Deviations: VGG's two fully connected layers (120 M parameters) are left out, the encoder's last
    map takes their place; edges are repeated instead of 100 pixels of padding. When to use it: the first fully
    convolutional network, for comparison; few weights of its own.
    """

    finest = 8

    def __init__(self, channels: Sequence[int], strides: Sequence[int], width: int = 128) -> None:
        super().__init__()
        last = len(channels) - 1
        first = next((i for i, stride in enumerate(strides) if stride >= self.finest), last)
        self.used = tuple(range(first, last + 1))
        self.upsampling = strides[first]
        self.out_channels = width if len(self.used) > 1 else channels[last]
        skips = [nn.Conv2d(channels[i], width, 1) for i in self.used] if len(self.used) > 1 else []
        self.score = nn.ModuleList(skips)
        factors = [max(1, round(coarse / fine)) for fine, coarse in pairwise(strides[first:])]
        self.enlarge = nn.ModuleList(LearnedUpsampling(width, factor) for factor in factors)

    def forward(self, features: list[Tensor]) -> Tensor:
        """The sum at the size of the finest map used, which is the last map itself when no other is."""
        used = [features[i] for i in self.used]
        if len(used) == 1:
            return used[0]
        scores: list[Tensor] = [score(map_) for score, map_ in zip(self.score, used, strict=True)]
        total = scores.pop()
        for skip, enlarge in zip(reversed(scores), reversed(self.enlarge), strict=True):
            total = skip + enlarge(total, tuple(skip.shape[-2:]))
        return total


class FCN16s(FCN8s):
    """FCN-16s (https://arxiv.org/abs/1411.4038): FCN-8s without the map at stride 8."""

    finest = 16


class FCN32s(FCN8s):
    """FCN-32s (https://arxiv.org/abs/1411.4038): scores of the last map, upsampled by learned kernels; no skips."""

    finest = 32
