"""Pixels to the tensor the network takes."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Float32
from numpy.typing import NDArray
from torch import Tensor

from segue.data.geometry import Preprocessing


def normalise(image: NDArray[np.generic], prep: Preprocessing) -> Float[Tensor, "channels height width"]:
    """Turn (H, W, C) pixels on the 0-255 scale into float32 with the mean removed, divided by the deviation.

    The channels of a pixel stay side by side in memory, as networks that run channels-last read them.
    The arithmetic is numpy's: loader threads call this, and torch would start its own threads under each of them.
    """
    return torch.from_numpy(standardised(image, prep)).permute(2, 0, 1)


def standardised(image: NDArray[np.generic], prep: Preprocessing) -> Float32[np.ndarray, "height width channels"]:
    """The same numbers in the order of the image, in an array of their own."""
    # rows of W * C numbers: along an axis of three, numpy takes more than twice as long
    width = image.shape[1]
    scale = np.array([1 / (255 * std) for std in prep.std] * width, dtype=np.float32)
    shift = np.array([mean / std for mean, std in zip(prep.mean, prep.std, strict=True)] * width, dtype=np.float32)
    pixels = np.ascontiguousarray(image, dtype=np.float32).reshape(len(image), -1) * scale
    pixels -= shift
    return pixels.reshape(image.shape)
