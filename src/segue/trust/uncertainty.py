"""How unsure a prediction is: the entropy of its probabilities, for each pixel and for an image.

Entropy is 0 where one class has everything and 1 where all classes are alike. It is stored as a 16-bit number, which a
picture of any size can be counted and ranked by.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float32, Integer, UInt16
from torch import Tensor

FULL = 65_534  # the stored number of an entropy of 1
NO_DATA = 65_535
TOP = 0.05  # share of an image's pixels, the least sure ones, that its score is the mean of


def entropy(logits: Float32[Tensor, " classes *space"]) -> Float32[Tensor, "*space"]:
    """Entropy of softmax(logits), divided by that of equal shares: 0 to 1; 0 where there is one class."""
    if logits.shape[0] == 1:
        return torch.zeros_like(logits[0])
    shares = torch.softmax(logits, 0)
    surprise = -shares.clamp_min(torch.finfo(shares.dtype).tiny).log()  # of a share of 0, anything finite
    return ((shares * surprise).sum(0) / math.log(logits.shape[0])).clamp(0, 1)


def stored(values: Float32[Tensor, "*space"]) -> UInt16[np.ndarray, "*space"]:
    """Entropies of 0 to 1 as numbers of 0 to `FULL`; `NO_DATA` is left for pixels that have none."""
    return np.asarray((values * FULL).round().cpu().numpy(), np.uint16)


def image_uncertainty(counts: Integer[np.ndarray, " stored"], share: float = TOP) -> float:
    """Mean of the highest `share` of the entropies, 0 to 1; NaN without a pixel.

    `counts` says how many pixels have each of the numbers 0 to `FULL`. A mean over all pixels says mostly how much
    background there is; how scores of pixels are put together decides what they are worth (Kahl et al. 2024, ValUES,
    https://arxiv.org/abs/2401.08501).
    """
    total = int(counts.sum())
    if not total:
        return float("nan")
    wanted = max(1, math.ceil(share * total))
    falling = counts[::-1]
    before = np.cumsum(falling) - falling
    taken = np.clip(wanted - before, 0, falling)
    return float((taken * np.arange(counts.size)[::-1]).sum() / wanted / FULL)
