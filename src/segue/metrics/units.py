"""What a bootstrap draws: images, or the groups they belong to, and when that is too few to say anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64, Integer

FEW = 10  # with fewer units the interval comes with a caution; see benchmarks/coverage.md
CHUNK_BYTES = 64 * 2**20  # draws are worked off in pieces of this size, so 255 classes fit in memory too


@dataclass(frozen=True)
class Units:
    """The units that are drawn with replacement: `kind` is "images" or "groups", `owner` the unit of each image.

    `caution` says in a sentence why an interval over them is not to be trusted; it is empty when nothing is wrong.
    """

    kind: str
    count: int
    owner: Int64[np.ndarray, " images"]
    caution: str = ""

    def sums(self, evidence: np.ndarray) -> np.ndarray:
        """One array per unit: the sum over its images of what each image adds."""
        if self.kind == "images":
            return evidence
        sums = np.zeros((self.count, *evidence.shape[1:]), evidence.dtype)
        np.add.at(sums, self.owner, evidence)
        return sums


def resampling_units(images: int, groups: Sequence[str] = ()) -> Units:
    """Groups where images share them, images otherwise; an empty group name stands for an image of its own.

    Images of one group (the frames of a video, the slices of a patient) resemble each other, so drawing them one by one
    makes the interval too narrow. When all images are of one group nothing is known about others: images are drawn
    then, and the caution says what the interval is worth.
    """
    keys = [group or f"\0{i}" for i, group in enumerate(groups)] or [f"\0{i}" for i in range(images)]
    names, owner = np.unique(keys, return_inverse=True)
    if 1 < len(names) < images:
        return Units("groups", len(names), owner.astype(np.int64), _too_few(len(names), "groups"))
    caution = _too_few(images, "images")
    if images > 1 and len(names) == 1:
        caution = f"all {images} images are of one group, so the interval holds for more images of that group only"
    return Units("images", images, np.arange(images), caution)


def _too_few(count: int, kind: str) -> str:
    if count >= FEW:
        return ""
    if count < 2:
        return "one image says nothing about the spread over others"
    return f"{count} {kind} are too few for an interval to be trusted, {FEW} or more are wanted"


def draws(units: int, resamples: int, seed: int, numbers: int) -> Iterator[Float[np.ndarray, "some units"]]:
    """How often each unit is drawn in each resample, in pieces that fit in memory.

    `numbers` is how many numbers the caller holds for each resample. The draws do not depend on it.
    """
    random = np.random.Generator(np.random.Philox(key=seed))
    rows = max(1, CHUNK_BYTES // (8 * max(numbers, units)))
    for start in range(0, resamples, rows):
        counts: Integer[np.ndarray, "some units"] = random.multinomial(
            units, np.full(units, 1 / units), size=min(rows, resamples - start)
        )
        yield counts.astype(np.float64)
