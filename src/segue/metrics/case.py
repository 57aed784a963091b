"""One labelled image beside what was predicted for it: what every metric counts from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Integer

from segue.data.classes import IGNORE
from segue.errors import DataError
from segue.metrics.confusion import confusion
from segue.metrics.surface import SurfaceDistances, surface_distances


@dataclass(frozen=True)
class Measure:
    """What lengths are measured in.

    `spacing` is the extent of a pixel along each axis; without it lengths are in pixels. `tolerance` is a length that
    some metrics need. `missed` says what the distance of a class is that only one of truth and prediction has:
    "exclude" (undefined) or "diagonal" (that of the image).
    """

    spacing: tuple[float, ...] | None = None
    tolerance: float | None = None
    missed: str = "exclude"


@dataclass(frozen=True)
class Case:
    """Truth and prediction of one image in two or three dimensions; what several metrics need is computed once.

    Raises `DataError` when shapes differ or `measure.spacing` has not one number for each axis.
    """

    truth: Integer[np.ndarray, "*space"]
    prediction: Integer[np.ndarray, "*shape"]
    classes: int
    measure: Measure = Measure()

    def __post_init__(self) -> None:
        """Check that everything fits together."""
        if self.truth.shape != self.prediction.shape:
            raise DataError(
                f"expected truth and prediction of one size, got {self.truth.shape} and {self.prediction.shape}"
            )
        spacing = self.measure.spacing
        if spacing is not None and len(spacing) != self.truth.ndim:
            raise DataError(f"expected a spacing for each of {self.truth.ndim} axes, got {len(spacing)} numbers")

    @cached_property
    def counted(self) -> Integer[np.ndarray, "*space"]:
        """The prediction, ignored where the truth is: such a pixel belongs to no class on either side."""
        return np.where(self.truth == IGNORE, np.asarray(IGNORE, self.prediction.dtype), self.prediction)

    @cached_property
    def outcomes(self) -> Float[np.ndarray, "classes 4"]:
        """Pixels of each class that are true positive, false positive, false negative and true negative."""
        return outcomes(confusion(self.truth, self.prediction, self.classes))

    @cached_property
    def surfaces(self) -> tuple[SurfaceDistances, ...]:
        """The distances between the two surfaces of each class."""
        return tuple(
            surface_distances(self.truth == c, self.counted == c, self.measure.spacing) for c in range(self.classes)
        )

    @property
    def missed_distance(self) -> float:
        """The distance of a class that only one of truth and prediction has; NaN where it is undefined."""
        if self.measure.missed != "diagonal":
            return float("nan")
        return float(np.linalg.norm(np.multiply(self.truth.shape, self.measure.spacing or 1.0)))


def outcomes(matrix: Integer[np.ndarray, "classes classes"]) -> Float[np.ndarray, "classes 4"]:
    """True positives, false positives, false negatives and true negatives of each class from a confusion matrix."""
    hits = np.diagonal(matrix)
    too_many, missed = matrix.sum(axis=0) - hits, matrix.sum(axis=1) - hits
    return np.stack([hits, too_many, missed, matrix.sum() - hits - too_many - missed], axis=1).astype(np.float64)
