"""Measuring several kinds of work in turns, so that whatever else the machine does falls on all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from segue.data.parallel import Update

LEAST = 3  # rounds that are counted, however long they take: fewer have no spread
MEANT = 5  # rounds that the time is divided into

Slice = Callable[[float], Mapping[str, float]]  # told how many seconds to take; gives seconds for one image, by name
Clock = Callable[[], float]


@dataclass(frozen=True)
class Timing:
    """Seconds for one image: the median of `repeats` measurements, and how far these lie apart.

    `spread` is the distance between their quartiles as a share of the median: half of them lie that close together.
    """

    seconds: float
    spread: float
    repeats: int

    @property
    def rate(self) -> float:
        """Images a second."""
        return 1 / self.seconds


def in_turns(
    slices: Mapping[str, Slice], seconds: float, update: Update, clock: Clock = time.perf_counter
) -> dict[str, Timing]:
    """Work on every slice in turn, round after round, until about `seconds` are over.

    A first round is not counted: it fills caches, and as short as can be. `LEAST` rounds are counted, however long they
    take, and a further one where half of it still fits. `update` is told the share of the time that is over, and the
    name of the slice.
    """
    began = clock()
    found: dict[str, list[float]] = {}
    for name, work in slices.items():
        update(min(1.0, (clock() - began) / seconds), f"{name} (first time)")
        work(0.0)
    share = max(0.0, began + seconds - clock()) / (MEANT * len(slices))
    rounds, longest = 0, 0.0
    while rounds < LEAST or clock() + longest / 2 < began + seconds:
        before = clock()
        for name, work in slices.items():
            update(min(1.0, (clock() - began) / seconds), name)
            for figure, value in work(share).items():
                found.setdefault(figure, []).append(value)
        rounds, longest = rounds + 1, max(longest, clock() - before)
    return {name: timing(values) for name, values in found.items()}


def timing(values: list[float]) -> Timing:
    """Median and spread of repeated measurements.

    >>> timing([2.0, 1.0, 3.0])
    Timing(seconds=2.0, spread=0.5, repeats=3)
    """
    middle = statistics.median(values)
    low, high = np.quantile(values, (0.25, 0.75)).tolist()
    return Timing(middle, (high - low) / middle if middle else 0.0, len(values))


def repeated(work: Callable[[], int], seconds: float, clock: Clock = time.perf_counter) -> float:
    """Seconds for one image of `work`, done once or more until `seconds` are over; it returns how many it did."""
    began, images = clock(), 0
    while images == 0 or clock() - began < seconds:
        images += work()
    return (clock() - began) / images


def in_parts(
    work: Callable[[], Mapping[str, float]], seconds: float, clock: Clock = time.perf_counter
) -> dict[str, float]:
    """The same of work that tells what its parts took: the mean of each."""
    done: list[Mapping[str, float]] = []

    def one() -> int:
        done.append(work())
        return 1

    repeated(one, seconds, clock)
    return {part: statistics.fmean(times[part] for times in done) for part in done[0]}
