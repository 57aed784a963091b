"""Learning rates as functions of progress, so that a run that is resumed or changes its length keeps its schedule.

A schedule is `f(progress, start, optim, scores) -> factor`: the share of the peak rate at `progress` (0 to 1) for a
part of the network that trains from `start` on. `scores` are the validation mIoUs so far.
"""

from __future__ import annotations

from collections.abc import Sequence

from segue.configs import OptimConfig
from segue.table import Table

SCHEDULES = Table(
    "schedule",
    __name__,
    **{
        "poly": "poly:poly",
        "cosine": "cosine:cosine",
        "one-cycle": "one_cycle:one_cycle",
        "step": "step:step",
        "plateau": "plateau:plateau",
        "constant": "constant:constant",
    },
)


def rate_factor(progress: float, start: float, optim: OptimConfig, scores: Sequence[float] = ()) -> float:
    """Share of the peak rate at `progress` (0 to 1) as `optim.schedule` has it; zero before `start`.

    >>> rate_factor(0.5, start=0.0, optim=OptimConfig(schedule="poly", power=1.0))
    0.5
    """
    return float(SCHEDULES[optim.schedule](progress, start, optim, scores)) if progress >= start else 0.0
