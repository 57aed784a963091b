"""The seam between what is painted and what is kept: kept pixels are exact, painted ones fade in beside them."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Num, UInt8
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn import functional

ROWS = 256  # of a picture in whole numbers that are mixed at a time


def shown(
    kept: Bool[Tensor, "rows columns"], size: tuple[int, int], feather: float
) -> Float[Tensor, "1 1 height width"]:
    """How much of the painting is seen in every pixel of a picture of that height and width: 0 where it is kept.

    It rises from the kept pixels over `feather` times the long side to 1, as half a cosine; all of the fade lies on the
    painted side, so no kept pixel is touched. 0 is a hard edge.
    """
    one = functional.interpolate(kept[None, None].float(), size, mode="nearest-exact")[0, 0].bool()
    if not bool(one.any()):
        return torch.ones(1, 1, *size, device=kept.device)
    away = torch.from_numpy(distance_transform_edt(np.logical_not(one.cpu().numpy())).astype(np.float32))
    share = (away / max(1.0, feather * max(size))).clamp(max=1).to(kept.device)
    return ((1 - torch.cos(torch.pi * share)) / 2)[None, None]


def joined(
    picture: Float[Tensor, "1 3 height width"],
    painted: Float[Tensor, "1 3 height width"],
    share: Float[Tensor, "1 1 height width"],
) -> Float[Tensor, "1 3 height width"]:
    """The painting over the picture; where `share` is 0 the picture's own bits, whatever was painted there.

    Gradients reach what was painted in proportion to its share.
    """
    return torch.where(share == 0, picture, torch.lerp(picture, painted, share))


def joined_pixels(
    pixels: Num[np.ndarray, "height width 3"],
    painted: UInt8[np.ndarray, "height width 3"],
    share: Float[Tensor, "1 1 height width"],
) -> UInt8[np.ndarray, "height width 3"]:
    """The same in whole numbers from 0 to 255, some rows at a time: large pictures never become floats at once."""
    result = np.empty(pixels.shape, np.uint8)
    for top in range(0, len(pixels), ROWS):
        rows = slice(top, top + ROWS)
        over = share[0, 0, rows].cpu().numpy()[..., None]
        under = pixels[rows].astype(np.float32)
        result[rows] = np.rint(under + over * (painted[rows] - under)).clip(0, 255).astype(np.uint8)
    return result
