"""One set of statistics for many frames: what the network normalises by stays, so the look does not pump.

A network that normalises each frame by itself answers to what is in it: a bright thing that enters the picture darkens
the rest of the painting. With one set for the clip the same colour of the content gives the same paint in each frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import torch

from segue.style.network import Statistics

Item = TypeVar("Item")


def pooled(found: Sequence[Statistics], deviations: bool) -> Statistics:
    """The statistics of several frames of one size as those of one large picture made of them.

    Its mean is the mean of their means; its variance is the mean of their variances and the variance of their means.
    Exact where features do not depend on statistics further down, as in networks with an encoder; of
    `segue.style.transform_network` all but the first are measured behind frames that were normalised by themselves.
    `deviations` says that spreads are deviations (`StyleNetwork.deviations`). A code (`PredictedNetwork`), which has
    rows of numbers and no spread, is the mean of the codes.
    """
    together = []
    for ours in zip(*found, strict=True):
        stack = torch.stack(ours)  # frames, regions, 2, channels; or frames, 1, code
        if stack.ndim == 3:
            together.append(stack.mean(0))
            continue
        means, spreads = stack[:, :, 0], stack[:, :, 1]
        variances = spreads.square() if deviations else spreads
        variance = variances.mean(0) + means.var(0, correction=0)
        together.append(torch.stack([means.mean(0), variance.sqrt() if deviations else variance], 1))
    return tuple(together)


class Spread(Generic[Item]):
    """At least `least` items at equal distances out of a stream of any length, fewer than twice as many; in order."""

    def __init__(self, least: int) -> None:
        self.least, self.step, self.seen = least, 1, 0
        self.kept: list[Item] = []

    def add(self, make: Callable[[], Item]) -> None:
        """Take or pass over the next of the stream, which is made when it is taken; then every other may be let go."""
        if self.seen % self.step == 0:
            self.kept.append(make())
            if len(self.kept) >= 2 * self.least:
                self.kept, self.step = self.kept[::2], 2 * self.step
        self.seen += 1
