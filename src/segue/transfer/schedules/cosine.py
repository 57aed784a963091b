"""Half a cosine from one to zero (https://arxiv.org/abs/1608.03983, without its restarts)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from segue.configs import OptimConfig
from segue.transfer.schedules.warmup import warmup


def cosine(progress: float, start: float, optim: OptimConfig, scores: Sequence[float]) -> float:
    """The decay is that of the whole run, also for parts that start late."""
    return warmup(progress, start, optim.warmup) * 0.5 * (1.0 + math.cos(math.pi * progress))
