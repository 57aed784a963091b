"""DDRNet's decoder (https://arxiv.org/abs/2101.06085): wide context for the coarse branch, added to the fine one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from segue.errors import UsageError
from segue.models.decoders.decoder import Decoder
from segue.models.trunks.ddrnet import ddrnet23_slim


class DDRNet(Decoder):
    """The coarse branch pooled at five sizes, enlarged, added to the fine branch, convolved; at stride 8.

    With `ddrnet23_slim` and the head this is DDRNet-23-slim, 5.7 million weights; it takes no other encoder. An
    auxiliary head learns on the fine branch after the first exchange, as in the paper but not rectified before its
    convolution. When to use it: video and edge devices: fast at high resolution, where it was made for (1024x2048).
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int], width: int = 64, branch: int = 128) -> None:
        super().__init__()
        expected = ddrnet23_slim
        if (tuple(channels), tuple(strides)) != (expected.channels, expected.strides):
            raise UsageError(
                "decoder ddrnet: expected the two branches of encoder ddrnet23_slim, got maps at strides "
                f"{', '.join(map(str, strides))}: use --model.encoder ddrnet23_slim"
            )
        _, fine, coarse = channels
        self.used = (1, 2)
        self.auxiliary = (0,)
        self.out_channels = width
        self.spp = DeepAggregation(coarse, branch, fine)
        self.final = nn.Sequential(
            *(nn.BatchNorm2d(fine), nn.ReLU(), nn.Conv2d(fine, width, 3, padding=1, bias=False)),
            *(nn.BatchNorm2d(width), nn.ReLU(inplace=True)),
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """The convolved sum at the size of the fine branch."""
        _, fine, coarse = features
        context = functional.interpolate(self.spp(coarse), fine.shape[-2:], mode="bilinear")
        return self.final(fine + context)  # type: ignore[no-any-return]


class DeepAggregation(nn.Module):
    """Deep aggregation pyramid pooling: averages over 5, 9, 17 pixels and the whole map, from small to large.

    Each average is added to the result of the one before and convolved; all of them are joined and added to the input.
    Named as in the authors' files.
    """

    def __init__(self, channels: int, branch: int, out_channels: int) -> None:
        super().__init__()
        self.scale0 = _pre_activated(channels, branch)
        self.scale1 = nn.Sequential(nn.AvgPool2d(5, 2, 2), *_pre_activated(channels, branch))
        self.scale2 = nn.Sequential(nn.AvgPool2d(9, 4, 4), *_pre_activated(channels, branch))
        self.scale3 = nn.Sequential(nn.AvgPool2d(17, 8, 8), *_pre_activated(channels, branch))
        self.scale4 = nn.Sequential(nn.AdaptiveAvgPool2d(1), *_pre_activated(channels, branch))
        self.process1 = _pre_activated(branch, branch, kernel=3)
        self.process2 = _pre_activated(branch, branch, kernel=3)
        self.process3 = _pre_activated(branch, branch, kernel=3)
        self.process4 = _pre_activated(branch, branch, kernel=3)
        self.compression = _pre_activated(5 * branch, out_channels)
        self.shortcut = _pre_activated(channels, out_channels)

    def forward(
        self, features: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch out_channels height width"]:
        """The map with its surroundings at every scale."""
        size = features.shape[-2:]
        results = [self.scale0(features)]
        for scale, process in (
            (self.scale1, self.process1),
            (self.scale2, self.process2),
            (self.scale3, self.process3),
            (self.scale4, self.process4),
        ):
            wider = functional.interpolate(scale(features), size, mode="bilinear")
            results.append(process(wider + results[-1]))
        return self.compression(torch.cat(results, dim=1)) + self.shortcut(features)  # type: ignore[no-any-return]


def _pre_activated(channels: int, width: int, kernel: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, width, kernel, padding=kernel // 2, bias=False)
    )
