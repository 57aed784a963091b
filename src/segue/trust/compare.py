"""Is one of two models better, or would other images say otherwise? The paired bootstrap, and an answer in words.

Both models are scored on the same images, and each draw takes the same images for both: what makes an image hard for
both cancels out, so far smaller differences show than two intervals side by side would tell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from segue.errors import DataError
from segue.infer.counts import Counts
from segue.metrics.bootstrap import Interval
from segue.metrics.confusion import scores
from segue.metrics.studentised import class_iou, gain, intervals, mean_iou, overlap
from segue.metrics.units import resampling_units

NAMED = 3  # classes or images named in one message


@dataclass(frozen=True)
class Difference:
    """A score of the first model and of the second; `interval` is that of the second minus the first."""

    first: float
    second: float
    interval: Interval

    @property
    def value(self) -> float:
        """Above 0 where the second is better."""
        return self.second - self.first


@dataclass(frozen=True)
class Comparison:
    """Two models on the same `images`: the difference of their mean IoU and of the IoU of each class.

    `margin` is the smallest difference that matters. `answer` is "second" or "first" where that one is better (the
    interval leaves out 0), "alike" where no difference of the margin is likely (the interval lies within it), and else
    "unclear".
    """

    miou: Difference
    classes: dict[str, Difference]
    images: int
    margin: float

    @property
    def answer(self) -> str:
        """What the interval says."""
        low, high = self.miou.interval.low, self.miou.interval.high
        if low > 0:
            return "second"
        if high < 0:
            return "first"
        return "alike" if -self.margin <= low and high <= self.margin else "unclear"

    @property
    def largest(self) -> float:
        """The largest difference, either way, that the interval leaves open."""
        return max(abs(self.miou.interval.low), abs(self.miou.interval.high))

    @property
    def needed(self) -> int | None:
        """How many images (groups) of this kind would give an answer, if it is unclear; None where nothing is known.

        As many as make the interval as narrow as the margin: it cannot hold both 0 and a difference beyond the margin
        then. Its width falls with the square root of their number. A true difference of the margin is found with such
        a number in 97.5 % of all cases.
        """
        interval = self.miou.interval
        width = interval.high - interval.low
        if self.answer != "unclear" or not width > 0:
            return None
        return max(interval.units + 1, math.ceil(interval.units * (width / self.margin) ** 2))


def compare(first: Counts, second: Counts, margin: float = 0.01, *, resamples: int = 2000, seed: int = 0) -> Comparison:
    """Draw images (groups, where there are some) with replacement, the same for both models.

    Raises `DataError` when classes, images or their labels are not the same.
    """
    second = aligned(first, second)
    units = resampling_units(len(first.ids), first.groups)
    parts = [overlap(units.sums(one.matrices)) for one in (first, second)]
    number = range(len(first.names))
    gains = [gain(*map(mean_iou, parts)), *(gain(*(class_iou(part, i) for part in parts)) for i in number)]
    found = intervals(gains, units, resamples=resamples, seed=seed)
    totals = [one.matrices.sum(axis=0) for one in (first, second)]
    miou, classes = [scores(total).miou for total in totals], [scores(total).class_iou for total in totals]
    return Comparison(
        Difference(miou[0], miou[1], found[0]),
        {
            name: Difference(float(classes[0][i]), float(classes[1][i]), found[1 + i])
            for i, name in enumerate(first.names)
        },
        len(first.ids),
        margin,
    )


def aligned(first: Counts, second: Counts) -> Counts:
    """The second with its classes and images in the order of the first; raises `DataError` when they differ."""
    _same("classes", first.names, second.names, "compare runs that were trained for the same classes")
    _same("images", first.ids, second.ids, "evaluate both on the same data: segue compare RUN_A RUN_B DATA")
    classes = [second.names.index(name) for name in first.names]
    position = {name: i for i, name in enumerate(second.ids)}
    images = [position[name] for name in first.ids]
    matrices = second.matrices[np.ix_(images, classes, classes)]
    other = (first.matrices.sum(axis=2) != matrices.sum(axis=2)).any(axis=1)
    if other.any():
        raise DataError(
            f"expected the same labels on both sides, {other.sum()} of {len(other)} images have others (such as "
            f"{first.ids[int(other.argmax())]}): evaluate both on the same data: segue compare RUN_A RUN_B DATA"
        )
    return Counts(first.ids, tuple(second.groups[i] for i in images), first.names, matrices)


def _same(what: str, first: tuple[str, ...], second: tuple[str, ...], remedy: str) -> None:
    differing = sorted(set(first) ^ set(second))
    if differing or len(first) != len(second):
        some = ", ".join(differing[:NAMED]) + (", …" if len(differing) > NAMED else "")
        raise DataError(f"expected the same {what} on both sides, {len(differing)} are on one only ({some}): {remedy}")
