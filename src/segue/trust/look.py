"""What is kept of an image to compare it with others: what the encoder made of it, and the colours of its pixels.

An image that the network sees whole has one row of features; one worked on in tiles has a row for each tile.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Look:
    """The `features` of every tile (`pooled`), and the `colours` of the image, the mean over its tiles (`colours`)."""

    features: Float32[np.ndarray, "tiles features"]
    colours: Float64[np.ndarray, " colours"]


def pooled(level: Float[Tensor, "images features rows columns"]) -> Float32[np.ndarray, "images features"]:
    """The mean of a feature map over its positions."""
    return np.asarray(level.detach().float().mean((2, 3)).cpu().numpy())


def colours(pixels: NDArray[np.generic]) -> Float64[np.ndarray, " colours"]:
    """Of pixels (H, W, C) on the 0-255 scale: C means and C deviations on the 0-1 scale, and their sharpness.

    Sharpness is the mean difference of neighbouring pixels, in deviations of the grey image: 0 where all are alike,
    1.1 for white noise. It does not change with brightness or contrast.
    """
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)  # as such, sums run along memory
    image = torch.from_numpy(planes) / 255
    grey = image.mean(0)
    steps = [(grey[1:] - grey[:-1]).abs(), (grey[:, 1:] - grey[:, :-1]).abs()]
    step = np.mean([float(one.mean()) for one in steps if one.numel()] or [0.0])
    deviation = float(grey.std(correction=0))
    sharpness = step / deviation if deviation > 1e-6 else 0.0
    deviations, means = torch.std_mean(image, (1, 2), correction=0)
    return np.array([*means.tolist(), *deviations.tolist(), sharpness])


class Looker:
    """Gathers a `Look` while an image is worked on, tile by tile.

    Tiles of one colour are left out where there are others: a part of a scene without data, which is filled with the
    mean colour, is unlike everything and says nothing about the scene.
    """

    def __init__(self) -> None:
        self._features: list[NDArray[np.float32]] = []
        self._colours: list[NDArray[np.float64]] = []
        self._plain: list[bool] = []

    def add(self, tile: NDArray[np.generic], level: Float[Tensor, "1 features rows columns"]) -> None:
        """Look at a tile (H, W, C) and the last feature map the encoder made of it."""
        self._features.append(pooled(level)[0])
        self._colours.append(colours(tile))
        colour = tile[:1, :1]
        self._plain.append(bool((tile[:1] == colour).all() and (tile == colour).all()))  # the first row mostly says it

    def look(self) -> Look:
        """What was seen; there is at least one tile."""
        kept = [i for i, plain in enumerate(self._plain) if not plain] or list(range(len(self._plain)))
        return Look(np.stack([self._features[i] for i in kept]), np.mean([self._colours[i] for i in kept], axis=0))
