"""The confusion matrix, and every score that one matrix gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int64, Integer

from segue.data.classes import IGNORE
from segue.errors import DataError


def confusion(
    truth: Integer[np.ndarray, "*space"], prediction: Integer[np.ndarray, "*shape"], n_classes: int
) -> Int64[np.ndarray, "classes classes"]:
    """Count pixels by true class (rows) and predicted class (columns).

    Pixels whose truth is `IGNORE` do not count, whatever was predicted there. One `bincount` over a fused index: about
    as fast as reading the arrays.
    """
    if truth.shape != prediction.shape:
        raise DataError(f"expected truth and prediction of one size, got {truth.shape} and {prediction.shape}")
    kept = truth != IGNORE
    rows, columns = truth[kept].astype(np.int64), prediction[kept].astype(np.int64)
    for name, ids in (("truth", rows), ("prediction", columns)):
        if ids.size and (ids.min() < 0 or ids.max() >= n_classes):
            wrong = ids[(ids < 0) | (ids >= n_classes)][0]
            raise DataError(f"expected class ids 0 to {n_classes - 1} in the {name}, got {wrong}")
    return np.bincount(rows * n_classes + columns, minlength=n_classes**2).reshape(n_classes, n_classes)


@dataclass(frozen=True)
class Scores:
    """What one confusion matrix says, each array with one entry per class.

    A ratio whose denominator is zero is undefined and NaN here, None in `summary`. `excluded` are the classes with zero
    union (neither in the truth nor predicted): they take no part in any mean. `mean_pixel_accuracy` runs over the
    classes the truth has, the other means over all that are not excluded, where a class that is predicted but never
    true counts as 0.
    """

    miou: float
    dice: float
    pixel_accuracy: float
    mean_pixel_accuracy: float
    frequency_weighted_iou: float
    class_iou: Float[np.ndarray, " classes"]
    class_dice: Float[np.ndarray, " classes"]
    class_precision: Float[np.ndarray, " classes"]
    class_recall: Float[np.ndarray, " classes"]
    pixels: Integer[np.ndarray, " classes"]
    predicted_pixels: Integer[np.ndarray, " classes"]

    @property
    def excluded(self) -> tuple[int, ...]:
        """Ids of the classes that are neither in the truth nor predicted."""
        return tuple(int(i) for i in np.flatnonzero(self.pixels + self.predicted_pixels == 0))

    def summary(self, names: tuple[str, ...]) -> dict[str, Any]:
        """The scores as JSON types; an undefined score is None."""
        columns = {
            "iou": self.class_iou,
            "dice": self.class_dice,
            "precision": self.class_precision,
            "recall": self.class_recall,
        }
        return {
            "miou": number(self.miou),
            "dice": number(self.dice),
            "pixel_accuracy": number(self.pixel_accuracy),
            "mean_pixel_accuracy": number(self.mean_pixel_accuracy),
            "frequency_weighted_iou": number(self.frequency_weighted_iou),
            "excluded": [names[i] for i in self.excluded],
            "classes": [
                {"name": name}
                | {key: number(column[i]) for key, column in columns.items()}
                | {"pixels": int(self.pixels[i]), "predicted_pixels": int(self.predicted_pixels[i])}
                for i, name in enumerate(names)
            ],
        }


def scores(matrix: Integer[np.ndarray, "classes classes"]) -> Scores:
    """Every score of one confusion matrix (rows truth, columns prediction)."""
    hits = np.diagonal(matrix).astype(np.float64)
    truth, predicted = matrix.sum(axis=1), matrix.sum(axis=0)
    union = truth + predicted - hits
    iou, recall = ratio(hits, union), ratio(hits, truth)
    dice = ratio(2 * hits, truth + predicted)
    total = matrix.sum()
    return Scores(
        miou=_mean(iou),
        dice=_mean(dice),
        pixel_accuracy=float(hits.sum() / total) if total else float("nan"),
        mean_pixel_accuracy=_mean(recall),
        frequency_weighted_iou=float((truth * np.nan_to_num(iou)).sum() / total) if total else float("nan"),
        class_iou=iou,
        class_dice=dice,
        class_precision=ratio(hits, predicted),
        class_recall=recall,
        pixels=truth,
        predicted_pixels=predicted,
    )


def ratio(part: np.ndarray | np.number[Any], whole: np.ndarray | np.number[Any]) -> Float[np.ndarray, "*shape"]:
    """`part / whole`, NaN where `whole` is zero."""
    result = np.full(np.shape(part), np.nan)
    np.divide(part, whole, out=result, where=np.asarray(whole) > 0)
    return result


def number(value: float) -> float | None:
    """A float that JSON can hold: None in place of NaN."""
    return None if np.isnan(value) else float(value)


def _mean(values: Float[np.ndarray, " classes"]) -> float:
    kept = values[~np.isnan(values)]
    return float(kept.mean()) if kept.size else float("nan")
