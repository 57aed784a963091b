"""The rate falls by a factor when validation has stopped improving, as torch's ReduceLROnPlateau does.

It is a function of the validation scores so far and has no state of its own: a resumed run, which has the same scores,
has the same rate.
"""

from __future__ import annotations

from collections.abc import Sequence

from segue.configs import OptimConfig
from segue.transfer.schedules.warmup import warmup


def plateau(progress: float, start: float, optim: OptimConfig, scores: Sequence[float]) -> float:
    """`gamma` once for every time more than `plateau_patience` validations in a row brought nothing better."""
    return float(warmup(progress, start, optim.warmup) * optim.gamma ** falls(scores, optim.plateau_patience))


def falls(scores: Sequence[float], patience: int) -> int:
    """How often the rate has fallen after these scores (higher is better); the wait begins anew after each fall.

    >>> falls([0.1, 0.3, 0.2, 0.3], patience=1)
    1
    """
    count, waited, best = 0, 0, float("-inf")
    for score in scores:
        waited = 0 if score > best else waited + 1
        best = max(best, score)
        if waited > patience:
            count, waited = count + 1, 0
    return count
