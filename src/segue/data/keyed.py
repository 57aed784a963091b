"""Randomness keyed to a position: the same (seed, epoch, sample) always draws the same numbers.

No generator state is ever saved. Shuffling, augmentation and dropout are functions of where the run is, so a run that
was stopped and resumed, with any number of workers, draws exactly what an uninterrupted one would have drawn.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_SHUFFLE = 1 << 63  # keeps the stream that orders an epoch apart from the streams of its samples


def sample_generator(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The generator behind every random decision about sample `index` in pass `epoch` over the data."""
    return np.random.Generator(np.random.Philox(key=[seed, (epoch << 32) | index]))


@lru_cache(maxsize=2)  # a batch may lie in two passes; of a million samples, an order takes 30 ms and 8 MB
def epoch_order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    """The order in which pass `epoch` visits `count` samples."""
    order = np.random.Generator(np.random.Philox(key=[seed, _SHUFFLE | epoch])).permutation(count)
    order.flags.writeable = False  # all who ask get the same array
    return order


def step_seed(seed: int, step: int, process: int = 0) -> int:
    """The seed of torch's generator (dropout, stochastic depth) at one training step, in each of several processes."""
    draw = np.random.Generator(np.random.Philox(key=[seed, (1 << 62) | (process << 40) | step])).integers(0, 2**63 - 1)
    return int(draw)


def batch_keys(seed: int, step: int, batch: int, count: int) -> list[tuple[int, int]]:
    """The (epoch, index) of every sample of one training step.

    Passes over the data follow each other without a seam: no batch is short and none is dropped, whatever `count` is.

    >>> [sorted(i for _, i in batch_keys(0, step, 2, 4)) for step in (0, 1)][0] != []
    True
    """
    positions = range(step * batch, (step + 1) * batch)
    orders = {epoch: epoch_order(seed, epoch, count) for epoch in {position // count for position in positions}}
    return [(position // count, int(orders[position // count][position % count])) for position in positions]
