"""The linear rise of the rate when a part of the network begins to train."""

from __future__ import annotations


def warmup(progress: float, start: float, length: float) -> float:
    """From 0 at `start` to 1 at `start + length`, both shares of the run (https://arxiv.org/abs/1706.02677).

    >>> warmup(0.5, start=0.25, length=0.5)
    0.5
    """
    return min(1.0, (progress - start) / length) if length > 0 else 1.0
