"""Maps that double exactly in size, which several decoders of segmentation_models_pytorch take for granted."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def halving(features: list[Tensor]) -> list[Tensor]:
    """Maps that are exactly twice as large as the next coarser one, the coarsest one as it is.

    Unpadded convolutions (Inception) and pooled odd sizes (a plain ViT's pyramid) break that by a pixel or two; maps
    that fit already are passed on untouched.
    """
    height, width = features[-1].shape[-2:]
    sizes = [(height * 2**level, width * 2**level) for level in reversed(range(len(features)))]
    return [
        map_ if map_.shape[-2:] == size else functional.interpolate(map_, size, mode="bilinear")
        for map_, size in zip(features, sizes, strict=True)
    ]
