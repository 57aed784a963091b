"""SegNet (https://arxiv.org/abs/1511.00561): upsampling puts values back where the encoder's pooling took them from."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from segue.errors import UsageError
from segue.models.decoders.decoder import Decoder

CONVOLUTIONS = (2, 2, 3, 3, 3)  # per level of VGG-16, finest first


class SegNet(Decoder):
    """The mirror image of VGG-16: at each level max-unpooling by the encoder's indices, then its convolutions.

    timm's VGG maps end right before each max-pooling, so pooling them again gives exactly the indices the encoder
    used. Only encoders whose maps start at stride 1 and halve have them: VGG and `double_conv`. Deviation: the last of
    all convolutions is the 1x1 head. When to use it: sharp outlines from few decoder weights and little memory for
    skips; heavy, because it works at full resolution.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        levels = min(len(CONVOLUTIONS), len(channels))
        if tuple(strides[:levels]) != tuple(2**level for level in range(levels)):
            raise UsageError(
                "decoder segnet: expected an encoder with a map before each max-pooling, at strides 1, 2, 4, ..., "
                f"got strides {', '.join(map(str, strides))}: use --model.encoder vgg16_bn"
            )
        self.used = tuple(range(levels))
        self.out_channels = channels[0]
        widths = (channels[0], *channels[:levels])  # the channels each level ends with, from the finest on
        self.blocks = nn.ModuleList(
            _block(channels[level], widths[level], CONVOLUTIONS[level] - (level == 0)) for level in range(levels)
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """The decoded map at full resolution."""
        maps = [features[i] for i in self.used]
        pooled = [functional.max_pool2d(map_, 2, return_indices=True) for map_ in maps]
        x = pooled[-1][0]
        for map_, (_, indices), block in zip(reversed(maps), reversed(pooled), reversed(self.blocks), strict=True):
            x = block(functional.max_unpool2d(x, indices, [2, 2], output_size=map_.shape[-2:]))
        return x


def _block(channels: int, out_channels: int, convolutions: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for number in range(1, convolutions + 1):
        width = out_channels if number == convolutions else channels
        layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
