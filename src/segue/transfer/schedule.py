"""Learning rates as a function of progress, so that a run whose length changes on the way keeps a smooth schedule."""

from __future__ import annotations


def rate_factor(progress: float, start: float, warmup: float, power: float) -> float:
    """Share of the peak rate at `progress` (0-1): zero before `start`, a linear rise over `warmup`, polynomial decay.

    The decay is that of the whole run, `(1 - progress) ** power`, also for parts that start late.

    >>> rate_factor(0.5, start=0.0, warmup=0.05, power=1.0)
    0.5
    """
    if progress < start:
        return 0.0
    rise = min(1.0, (progress - start) / warmup) if warmup > 0 else 1.0
    return float(rise * (1.0 - progress) ** power)
