"""A metric on a set of images: the score of each class and of all, with intervals, and of each image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from segue.errors import UsageError
from segue.metrics import METRICS
from segue.metrics.bootstrap import score_intervals
from segue.metrics.case import Measure
from segue.metrics.confusion import number
from segue.metrics.metric import Metric
from segue.metrics.units import Units


def chosen(names: Sequence[str], measure: Measure) -> dict[str, Metric]:
    """The metrics of these names.

    Raises `UsageError` for an unknown one, one whose tolerance is not given, and a measure that none of them reads.
    """
    metrics: dict[str, Metric] = {name: METRICS[name] for name in names}
    for name, metric in metrics.items():
        if metric.needs_tolerance and measure.tolerance is None:
            unit = "pixels" if measure.spacing is None else "the unit of --spacing"
            raise UsageError(f"{name}: expected a length up to which contours agree, got none: --tolerance 2 ({unit})")
    _refuse_idle(metrics, measure)
    return metrics


def _refuse_idle(metrics: Mapping[str, Metric], measure: Measure) -> None:
    """A length that changes nothing was meant for another metric."""
    readers: dict[str, Callable[[Metric], bool]] = {
        "tolerance": lambda metric: metric.needs_tolerance,
        "spacing": lambda metric: metric.needs_tolerance or metric.is_distance,
        "missed": lambda metric: metric.is_distance,
    }
    for setting, reads in readers.items():
        given = getattr(measure, setting) != getattr(Measure(), setting)
        if given and not any(map(reads, metrics.values())):
            able = ", ".join(name for name in METRICS if reads(METRICS[name]))
            raise UsageError(
                f"{setting}: expected a metric that reads it ({able}), got {', '.join(metrics) or 'no --metrics'}: "
                f"leave --{setting} out, or add one to --metrics"
            )


@dataclass(frozen=True)
class Measured:
    """What a metric found on a set of images, one row of evidence each."""

    metric: Metric
    evidence: Float[np.ndarray, "images classes parts"]

    def of_images(self) -> Float[np.ndarray, "images scores"]:
        """The score of all classes of each image, and after it that of each class; NaN where it is undefined."""
        return self.metric.scores(self.evidence)

    def summary(self, names: Sequence[str], units: Units, resamples: int = 1000, seed: int = 0) -> dict[str, Any]:
        """Scores of all images as JSON types; an undefined number is None.

        `value` is the score of all classes together and `interval` its 95 % interval; `classes` has the same for each
        class, and in `images` how many images it is defined in. A distance has besides `missed`: in how many images
        only one of truth and prediction has the class.
        """
        values = self.metric.scores(self.evidence.sum(axis=0))
        intervals = score_intervals(self.evidence, self.metric.scores, units, resamples=resamples, seed=seed)
        images = (~np.isnan(self.of_images())).sum(axis=0)
        rows = [
            {"value": number(value), "interval": [number(interval.low), number(interval.high)], "images": int(count)}
            for value, interval, count in zip(values, intervals, images, strict=True)
        ]
        if self.metric.is_distance:
            one_sided = self.evidence[..., 2].sum(axis=0)
            for row, count in zip(rows, [one_sided.sum(), *one_sided], strict=True):
                row["missed"] = int(count)
        together, *classes = rows
        return together | {"classes": [{"name": name} | row for name, row in zip(names, classes, strict=True)]}
