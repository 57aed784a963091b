"""Near duplicates: the same picture encoded again, resized, relit, mirrored, or a part of it.

`proposing` names a few candidates for each picture, `matching` compares their pixels. Not found are turned pictures,
parts of less than 60 % of a side, and pictures that overlap without one lying within the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segue.data.doctor.likeness import SIDE, Likeness
from segue.data.doctor.matching import AGREE, evidence, match
from segue.data.doctor.proposing import LEAST, Candidate, candidates
from segue.data.parallel import Update, silent

MOST = 4000  # pictures of which parts are compared as well: the work grows with the square of their number
WHOLE = 0.97  # share of a side from which on nothing is said to be cut off
LEAST_OF_WHOLES = 0.9  # correlation of descriptions that makes a candidate where whole pictures alone are compared
_BATCH = 64  # candidates matched at a time


@dataclass(frozen=True)
class Near:
    """Picture number `second` shows what `first` does, or a part of it: `width` and `height` are shares of `first`."""

    first: int
    second: int
    agreement: float
    width: float
    height: float
    mirrored: bool

    @property
    def kind(self) -> str:
        """What was done to the picture, in words."""
        cut = self.width < WHOLE or self.height < WHOLE
        done = [f"cropped to {self.width:.0%} x {self.height:.0%}"] if cut else []
        done = ["mirrored", *done] if self.mirrored else done
        return " and ".join(done) or "encoded, resized or lit differently"


def find_near(likes: Sequence[Likeness], update: Update = silent) -> list[Near]:
    """All pairs of pictures that are near duplicates, each once, in the order of the pictures.

    With more than `MOST` pictures whole ones alone are compared. Time and rates: benchmarks/planted_duplicates.md.
    """
    if len(likes) < 2:
        return []
    pictures = np.frombuffer(b"".join(likes), np.uint8).reshape(-1, SIDE, SIDE)
    weight, found = evidence(pictures), dict[tuple[int, int], Near]()
    waiting: list[Candidate] = []
    every = len(likes) <= MOST
    for share, some in candidates(pictures, parts=every, least=LEAST if every else LEAST_OF_WHOLES):
        waiting += some
        if len(waiting) < _BATCH and share < 1:
            continue
        for one, fit in zip(waiting, match(pictures, waiting, weight), strict=True):
            left, right, top, bottom = fit.box
            near = Near(
                one.whole, one.part, fit.agreement, min(1.0, right - left), min(1.0, bottom - top), one.mirrored
            )
            pair = min(one.whole, one.part), max(one.whole, one.part)
            if fit.agreement >= AGREE and (pair not in found or found[pair].agreement < fit.agreement):
                found[pair] = near
        waiting = []
        update(share, f"{round(share * len(likes))} of {len(likes)} images compared, {len(found)} alike")
    return [found[pair] for pair in sorted(found)]
