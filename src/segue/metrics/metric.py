"""What a metric is: evidence that adds up over images, and the score that a sum of it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from segue.metrics.case import Case
from segue.metrics.confusion import ratio


@dataclass(frozen=True)
class Metric:
    """A score of each class and one of all classes, for one image or for many.

    Since the evidence adds up, one rule serves an image, a data set and each draw of a bootstrap. A metric that is
    averaged over images has the image's value and 1 as its evidence, or 0 and 0 where it is undefined (`averaged`).

    Attributes:
        about: what it is, in a sentence.
        evidence: what one image adds, a row of numbers for each class.
        by_class: the score of each class from (a stack of) sums of evidence; NaN where it is undefined.
        pooled: the score of all classes together; the mean over the classes in which it is defined when not given.
        is_distance: a length, in pixels or the unit of the spacing: smaller is better.
        needs_tolerance: `Measure.tolerance` has to be given.
    """

    about: str
    evidence: Callable[[Case], Float[np.ndarray, "classes parts"]]
    by_class: Callable[[Float[np.ndarray, "*draws classes parts"]], Float[np.ndarray, "*draws classes"]]
    pooled: Callable[[Float[np.ndarray, "*draws classes parts"]], Float[np.ndarray, "*draws"]] | None = None
    is_distance: bool = False
    needs_tolerance: bool = False

    def scores(self, evidence: Float[np.ndarray, "*draws classes parts"]) -> Float[np.ndarray, "*draws scores"]:
        """The score of all classes, and after it that of each class."""
        classes = self.by_class(evidence)
        together = mean_of_defined(classes) if self.pooled is None else self.pooled(evidence)
        return np.concatenate([together[..., None], classes], axis=-1)


def averaged(
    values: Float[np.ndarray, " classes"], one_sided: Bool[np.ndarray, " classes"]
) -> Float[np.ndarray, "classes 3"]:
    """The evidence of a metric that is averaged over images: for each class a value and 1, or 0 and 0 for NaN.

    The third number is 1 where only one of truth and prediction has the class, so that such images can be counted.
    """
    return np.stack([np.nan_to_num(values), ~np.isnan(values), one_sided], axis=-1).astype(np.float64)


def share(evidence: Float[np.ndarray, "*draws classes parts"]) -> Float[np.ndarray, "*draws classes"]:
    """The first part over the second: the mean over images from sums of `averaged` evidence."""
    return ratio(evidence[..., 0], evidence[..., 1])


def mean_of_defined(values: Float[np.ndarray, "*draws classes"]) -> Float[np.ndarray, "*draws"]:
    """Mean over the classes that are not NaN; NaN where all are."""
    return ratio(np.nansum(values, axis=-1), (~np.isnan(values)).sum(axis=-1))
