"""The rate falls by a factor at fixed shares of the run, as ResNets were trained (https://arxiv.org/abs/1512.03385)."""

from __future__ import annotations

from collections.abc import Sequence

from segue.configs import OptimConfig
from segue.transfer.schedules.warmup import warmup


def step(progress: float, start: float, optim: OptimConfig, scores: Sequence[float]) -> float:
    """`gamma` once for every milestone that is behind."""
    behind = sum(milestone <= progress for milestone in optim.milestones)
    return float(warmup(progress, start, optim.warmup) * optim.gamma**behind)
