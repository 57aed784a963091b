"""The peak rate throughout, after the warm-up."""

from __future__ import annotations

from collections.abc import Sequence

from segue.configs import OptimConfig
from segue.transfer.schedules.warmup import warmup


def constant(progress: float, start: float, optim: OptimConfig, scores: Sequence[float]) -> float:
    """No decay: the averaged weights do what a decay would."""
    return warmup(progress, start, optim.warmup)
