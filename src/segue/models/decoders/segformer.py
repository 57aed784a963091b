"""SegFormer's all-MLP decoder (https://arxiv.org/abs/2105.15203), from segmentation_models_pytorch's layers."""

from __future__ import annotations

from collections.abc import Sequence

from segmentation_models_pytorch.decoders.segformer.decoder import SegformerDecoder
from torch import Tensor
from torch.nn import functional

from segue.models.decoders.decoder import Decoder

LEVELS = 4


class SegFormer(Decoder):
    """One linear layer per map, all resized to the finest of the four coarsest, joined by one more.

    Joining by a 1x1 convolution and resizing bilinearly can change places, so each map passes its part of the
    convolution at its own size: the library's result, without four wide maps at the finest. No dropout. When to use it:
    with `mit_b0` to `mit_b5` and other hierarchical transformers; light on any encoder.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int], width: int = 256) -> None:
        super().__init__()
        used = tuple(range(len(channels)))[-LEVELS:]
        layers = SegformerDecoder(
            [1, *(channels[i] for i in used)], encoder_depth=LEVELS, segmentation_channels=width
        )  # the library counts the image as the first map
        self.linear = layers.mlp_stage  # coarsest first
        self.fuse = layers.fuse_stage
        self.used = used
        self.out_channels = width

    def forward(self, features: list[Tensor]) -> Tensor:
        """The joined maps at the size of the finest one used."""
        convolution, norm, activation = self.fuse
        parts = convolution.weight.chunk(len(self.used), dim=1)
        size = features[self.used[0]].shape[-2:]
        joined: Tensor | None = None
        for i, linear, part in zip(reversed(self.used), self.linear, parts, strict=True):
            seen = functional.conv2d(linear(features[i]), part)
            resized = seen if seen.shape[-2:] == size else functional.interpolate(seen, size, mode="bilinear")
            joined = resized if joined is None else joined + resized
        return activation(norm(joined))  # type: ignore[no-any-return]
