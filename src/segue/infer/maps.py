"""What is computed from the logits of some rows: the mask, and what else was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32, UInt8
from numpy.typing import NDArray
from torch import Tensor

from segue.data.classes import IGNORE
from segue.trust.uncertainty import NO_DATA, entropy, stored

NOTHING: dict[str, float] = {"mask": IGNORE, "probabilities": np.nan, "uncertainty": NO_DATA, "review": IGNORE}
_AT_ONCE = 2**22  # pixels counted at a time

Maps = dict[str, NDArray[Any]]  # by kind, a key of NOTHING; the last two axes are rows and columns


@dataclass(frozen=True)
class Mark:
    """Which pixels to look at: those whose probability of class `number` is `threshold` or more."""

    number: int
    threshold: float


@dataclass(frozen=True)
class Wanted:
    """What is to be computed beside the mask."""

    probabilities: bool = False
    uncertainty: bool = False
    review: Mark | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Keys of the maps, the mask's among them."""
        asked = {"probabilities": self.probabilities, "uncertainty": self.uncertainty, "review": self.review}
        return ("mask", *(kind for kind, wanted in asked.items() if wanted))


def maps_of(logits: Float32[Tensor, "classes rows width"], wanted: Wanted, temperature: float = 1.0) -> Maps:
    """Class ids (uint8), and as `wanted` class probabilities (float32), entropies (uint16) and marks (uint8, 0 or 1).

    Probabilities, and what follows from them, are softmax(logits / temperature); the mask does not depend on it.
    """
    maps: Maps = {"mask": ids_of(logits)}
    if len(wanted.kinds) == 1:
        return maps
    scaled = logits if temperature == 1 else logits / temperature
    if wanted.uncertainty:
        maps["uncertainty"] = stored(entropy(scaled))
    if wanted.probabilities or wanted.review:
        shares = scaled.softmax(0)
        if wanted.probabilities:
            maps["probabilities"] = shares.cpu().numpy()
        if wanted.review:
            maps["review"] = (shares[wanted.review.number] >= wanted.review.threshold).to(torch.uint8).cpu().numpy()
    return maps


def ids_of(logits: Float32[Tensor, "classes rows width"]) -> UInt8[np.ndarray, "rows width"]:
    """The class with the highest logit of every pixel, the first of several; the last class where none compares (NaN).

    Equals argmax(0) otherwise. On the CPU torch's own takes twice (max) to ten times (argmax) as long: passes that
    follow no index are vectorised there.
    """
    highest = logits == logits.amax(0)
    rank = torch.arange(len(logits), 0, -1, dtype=torch.uint8, device=logits.device)[:, None, None]
    ids = len(logits) - (highest.view(torch.uint8) * rank).amax(0).clamp_(min=1)
    return np.asarray(ids.cpu().numpy())


def forget(maps: Maps, missing: Bool[np.ndarray, "rows width"]) -> None:
    """Put each map's sign for "no data" where pixels have none."""
    for kind, values in maps.items():
        values[..., missing] = NOTHING[kind]


class Tally:
    """Counts the numbers in maps of whole numbers, so that shares and scores need no map to be kept.

    `counts[kind][number]` is how many pixels hold it; the last number is that of no data.
    """

    def __init__(self) -> None:
        self.counts: dict[str, NDArray[np.int64]] = {}

    def add(self, maps: Maps) -> None:
        """Count some rows."""
        for kind, values in maps.items():
            if kind == "probabilities":
                continue
            sums = self.counts.setdefault(kind, np.zeros(int(NOTHING[kind]) + 1, np.int64))
            flat = values.ravel()
            for start in range(0, flat.size, _AT_ONCE):  # bincount makes 64-bit copies
                sums += np.bincount(flat[start : start + _AT_ONCE], minlength=sums.size)
