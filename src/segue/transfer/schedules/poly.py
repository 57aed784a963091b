"""Polynomial decay to zero, `(1 - progress) ** power`, as DeepLab trains (https://arxiv.org/abs/1606.00915)."""

from __future__ import annotations

from collections.abc import Sequence

from segue.configs import OptimConfig
from segue.transfer.schedules.warmup import warmup


def poly(progress: float, start: float, optim: OptimConfig, scores: Sequence[float]) -> float:
    """The decay is that of the whole run, also for parts that start late."""
    return float(warmup(progress, start, optim.warmup) * (1.0 - progress) ** optim.power)
