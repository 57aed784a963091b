"""Whether a method gives nearly the same picture for nearly the same content: a known warp and a little noise.

The training idea of ReReVST (https://doi.org/10.1109/TIP.2020.3024018) as a test. It needs no video, no optical flow
and no weights: of a picture x, W is a known small turn, zoom and shift, n noise, and S the method.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

TURN, ZOOM, SHIFT = math.radians(2.0), 1.03, (0.02, -0.03)  # shift down and right, in shares of half the side
NOISE = 0.02  # deviation, for values from 0 to 1

Picture = Float[Tensor, "1 3 height width"]


def warped(picture: Picture) -> Picture:
    """The picture turned by 2 degrees, 3 % larger and moved a little; what lies outside repeats the border."""
    return functional.grid_sample(picture, _grid(picture), mode="bilinear", padding_mode="border", align_corners=False)


def noisy(picture: Picture, seed: int) -> Picture:
    """The picture with Gaussian noise, clipped to 0 to 1; the same for the same seed on every device."""
    drawn = torch.randn(picture.shape, generator=torch.Generator().manual_seed(seed))
    return (picture + NOISE * drawn.to(picture.device)).clamp(0, 1)


def instability(content: Picture, moved: Picture, painted: Picture, painted_moved: Picture) -> float:
    """Mean |W(S(x)) - S(W(x) + n)| over mean |W(x) - (W(x) + n)|, where W(x) shows the picture.

    Args:
        content: x.
        moved: W(x) + n.
        painted: S(x).
        painted_moved: S(W(x) + n).

    1 for a method that leaves pictures as they are, 0 for one that paints everything in one colour: a figure to read
    beside the style's, never alone.
    """
    inside = _inside(content)
    result = (warped(painted) - painted_moved).abs().mean(1)[0][inside].mean()
    given = (warped(content) - moved).abs().mean(1)[0][inside].mean()
    return float(result / given)


def _grid(picture: Tensor) -> Float[Tensor, "1 height width 2"]:
    """Where each pixel of the result looks, with pixels square on both axes."""
    height, width = picture.shape[2:]
    cosine, sine = math.cos(TURN) / ZOOM, math.sin(TURN) / ZOOM
    down, right = SHIFT
    rows = [[cosine, -sine * height / width, right], [sine * width / height, cosine, down]]
    return functional.affine_grid(picture.new_tensor(rows)[None], [1, 3, height, width], align_corners=False)


def _inside(picture: Tensor) -> Bool[Tensor, "height width"]:
    """The pixels of a warped picture that come from inside of it."""
    return (_grid(picture)[0].abs() < 1).all(2)
