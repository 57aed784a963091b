"""One cycle: a cosine up, then a longer one down to nearly zero (https://arxiv.org/abs/1708.07120, as fastai draws it).

The momentum stays where it is; the paper lowers it while the rate is high.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from segue.configs import OptimConfig

FIRST = 1 / 25  # of the peak, at the beginning
LAST = FIRST / 1e4  # at the end


def one_cycle(progress: float, start: float, optim: OptimConfig, scores: Sequence[float]) -> float:
    """A part that starts late goes through a whole cycle of its own in what is left of the run."""
    local = (progress - start) / (1.0 - start) if start < 1 else 1.0
    if local < optim.rise:
        return _cosine(FIRST, 1.0, local / optim.rise)
    return _cosine(1.0, LAST, (local - optim.rise) / (1.0 - optim.rise))


def _cosine(first: float, last: float, share: float) -> float:
    return last + (first - last) * 0.5 * (1.0 + math.cos(math.pi * share))
