"""How far the colours of two pictures are apart, wherever they stand: sliced Wasserstein distance.

After Rabin et al., Wasserstein Barycenter and Its Application to Texture Mixing
(https://doi.org/10.1007/978-3-642-24785-9_37), with 13 fixed directions in place of random ones: the axes of RGB, the
diagonals of its faces and those of the cube. So the same pictures always have the same distance.
"""

from __future__ import annotations

import itertools

import torch
from jaxtyping import Float
from torch import Tensor

QUANTILES = 256  # of each distribution that are compared


def colour_distance(one: Float[Tensor, "1 3 _ _"], other: Float[Tensor, "1 3 _ _"]) -> float:
    """The mean over the directions of how far colours have to be moved, in units of a channel from 0 to 1.

    0 for the same colours in other places. Sizes may differ.
    """
    return float((_quantiles(one) - _quantiles(other)).abs().mean())


def _quantiles(picture: Tensor) -> Float[Tensor, "directions quantiles"]:
    """Of the colours along every direction, the values in the middle of each of `QUANTILES` equal shares."""
    along = (_directions().to(picture) @ picture.flatten(2)[0]).sort(1).values
    count = along.shape[1]
    places = ((torch.arange(QUANTILES, dtype=torch.float64) + 0.5) * count / QUANTILES).long().to(along.device)
    return along[:, places]


def _directions() -> Float[Tensor, "13 3"]:
    """One of each pair of opposite directions with steps of -1, 0 and 1, of length one."""
    steps = [step for step in itertools.product((-1, 0, 1), repeat=3) if step > (0, 0, 0)]
    found = torch.tensor(steps, dtype=torch.float32)
    return found / found.square().sum(1, keepdim=True).sqrt()
