"""Whether the outlines of the content are still there: F1 of edge pixels, with a pixel to spare.

Edges are Canny's (https://doi.org/10.1109/TPAMI.1986.4767851) without his hysteresis: smoothed slopes of luminance,
thinned to their crests. A picture's own strongest tenth of slopes counts, so that contrast does not.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from segue.style.colours import grey

STRONGEST = 0.1  # share of positions whose slopes may be edges
FLAT = 1e-3  # a slope, in levels of 0 to 1 a pixel, below which nothing is an edge
SPARE = 1  # pixels an edge may have moved
_BLUR = (1.0, 4.0, 6.0, 4.0, 1.0)


def edge_f1(picture: Float[Tensor, "1 3 height width"], content: Float[Tensor, "1 3 height width"]) -> float:
    """The harmonic mean of two shares: the result's edges that the content has, and the content's that are left.

    1 for the same edges; 1 as well where neither has any, 0 where one of them has none. Unrelated pictures get more
    than 0, since some edges always meet: 0.2 to 0.4 in paintings.
    """
    own, wanted = edges(picture), edges(content)
    if not bool(own.any()) or not bool(wanted.any()):
        return float(bool(own.any()) == bool(wanted.any()))
    precision = (own & _widened(wanted)).sum() / own.sum()
    recall = (wanted & _widened(own)).sum() / wanted.sum()
    return float(2 * precision * recall / (precision + recall).clamp_min(1e-12))


def edges(picture: Float[Tensor, "1 3 height width"]) -> Bool[Tensor, "height width"]:
    """The crests among the strongest tenth of slopes."""
    down, right = _slopes(grey(picture)[:, :1])
    strength = (down**2 + right**2).sqrt()
    weakest = strength.flatten().sort().values[int((1 - STRONGEST) * (strength.numel() - 1))]
    strong = strength >= weakest.clamp_min(FLAT)
    found: Tensor = strong & _crest(strength, down, right)
    return found[0, 0]


def _slopes(plane: Float[Tensor, "1 1 height width"]) -> tuple[Tensor, Tensor]:
    """The slopes of the smoothed plane, down and to the right, in its units a pixel."""
    blur = plane.new_tensor(_BLUR) / sum(_BLUR)
    step = plane.new_tensor((-0.5, 0.0, 0.5))
    smooth = _along(_along(plane, blur, 2), blur, 3)
    return _along(smooth, step, 2), _along(smooth, step, 3)


def _along(plane: Tensor, weights: Tensor, axis: int) -> Tensor:
    """Correlated with `weights` along one axis; the border is repeated."""
    half = len(weights) // 2
    pad = (0, 0, half, half) if axis == 2 else (half, half, 0, 0)
    shape = (1, 1, -1, 1) if axis == 2 else (1, 1, 1, -1)
    return functional.conv2d(functional.pad(plane, pad, mode="replicate"), weights.view(shape))


def _crest(strength: Tensor, down: Tensor, right: Tensor) -> Bool[Tensor, "1 1 height width"]:
    """Where no neighbour across the edge, of the two in the nearest of four directions, is stronger."""
    sector = (torch.atan2(down, right) * (4 / torch.pi)).round().long() % 4  # 0 right, 1 diagonal, 2 down, 3 the other
    padded = functional.pad(strength, (1, 1, 1, 1))
    height, width = strength.shape[2:]
    kept = torch.zeros_like(strength, dtype=torch.bool)
    for number, (y, x) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        before, behind = (padded[:, :, 1 + s * y : 1 + s * y + height, 1 + s * x : 1 + s * x + width] for s in (-1, 1))
        kept |= (sector == number) & (strength > before) & (strength >= behind)
    return kept


def _widened(edge: Bool[Tensor, "height width"]) -> Bool[Tensor, "height width"]:
    """Everything within `SPARE` pixels of an edge."""
    return functional.max_pool2d(edge[None, None].float(), 2 * SPARE + 1, stride=1, padding=SPARE)[0, 0] > 0
