"""Dense Prediction Transformer (https://arxiv.org/abs/2103.13413), from segmentation_models_pytorch's blocks."""

from __future__ import annotations

from collections.abc import Sequence

from segmentation_models_pytorch.decoders.dpt.decoder import DPTDecoder
from torch import Tensor
from torch.nn import functional

from segue.models.decoders.decoder import Decoder
from segue.models.decoders.fcn_d8 import fcn_block

LEVELS = 4


class DPT(Decoder):
    """Maps of four depths of a ViT, brought to 1/4, 1/2, 1 and 2 patches and fused from coarse to fine.

    Deviations: the class token is not read (the paper's variant "ignore"), since encoders give maps only; maps are
    enlarged after the 1x1 convolution that follows, which is the same at a quarter of the cost; the last enlargement
    gives way to the one of the class scores. Maps that halve already (a CNN, Swin) are taken at their sizes, as the
    paper does with its hybrid. When to use it: DINOv2 and other plain ViTs, fine-tuned or frozen, when outlines matter.
    """

    plain_maps = True

    def __init__(self, channels: Sequence[int], strides: Sequence[int], width: int = 256) -> None:
        super().__init__()
        self.used = tuple(range(len(channels)))[-LEVELS:]
        self.out_channels = width
        given = [channels[i] for i in self.used]
        plain = len(set(strides)) == 1
        # the library brings a map of stride s to s / 4, s / 2, s and 2 s as if the patches had 16 pixels
        nominal = [16 if plain else 4 * 2**level for level in range(len(given))]
        blocks = DPTDecoder(
            given,
            nominal,
            encoder_has_prefix_tokens=False,
            readout="ignore",
            intermediate_channels=_intermediate(given, plain=plain),
            fusion_channels=width,
        )
        self.reassemble = blocks.reassemble_blocks
        self.fuse = blocks.fusion_blocks
        self.smooth = fcn_block(width, width)

    def forward(self, features: list[Tensor]) -> Tensor:
        """The fused map, four times finer than a plain ViT's patches."""
        maps = [reassemble(features[i]) for i, reassemble in zip(self.used, self.reassemble, strict=True)]
        fused: Tensor | None = None
        for map_, block in zip(reversed(maps), self.fuse, strict=True):
            merged = block.residual_conv_block1(map_)
            if fused is not None:
                merged = merged + functional.interpolate(fused, merged.shape[-2:], mode="bilinear", align_corners=True)
            fused = block.project(block.residual_conv_block2(merged))
        return self.smooth(fused)  # type: ignore[no-any-return]


def _intermediate(channels: list[int], *, plain: bool) -> list[int]:
    """Channels while a map is brought to its size: 1/8, 1/4, 1/2 and all of a ViT's, as DPT-Base has them."""
    if not plain:
        return channels
    return [max(8, count * 2**level // 8) for level, count in enumerate(channels)]
