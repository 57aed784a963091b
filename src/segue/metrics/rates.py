"""Scores of the four outcomes of each class: true and false positives, true and false negatives."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from segue.metrics.case import Case
from segue.metrics.confusion import ratio
from segue.metrics.metric import Metric

Outcomes = Float[np.ndarray, "*draws classes 4"]
Counts = np.ndarray | np.number[Any]
ByClass = Float[np.ndarray, "*draws classes"]


def _outcomes(case: Case) -> Float[np.ndarray, "classes 4"]:
    return case.outcomes


def _split(outcomes: Outcomes) -> tuple[ByClass, ByClass, ByClass, ByClass]:
    true_positive, false_positive, false_negative, true_negative = np.moveaxis(outcomes, -1, 0)
    return true_positive, false_positive, false_negative, true_negative


def _iou(outcomes: Outcomes) -> ByClass:
    tp, fp, fn, _ = _split(outcomes)
    return ratio(tp, tp + fp + fn)


def _f1(outcomes: Outcomes) -> ByClass:
    tp, fp, fn, _ = _split(outcomes)
    return ratio(2 * tp, 2 * tp + fp + fn)


def _precision(outcomes: Outcomes) -> ByClass:
    tp, fp, _, _ = _split(outcomes)
    return ratio(tp, tp + fp)


def _sensitivity(outcomes: Outcomes) -> ByClass:
    tp, _, fn, _ = _split(outcomes)
    return ratio(tp, tp + fn)


def _specificity(outcomes: Outcomes) -> ByClass:
    _, fp, _, tn = _split(outcomes)
    return ratio(tn, tn + fp)


def _false_positive_rate(outcomes: Outcomes) -> ByClass:
    _, fp, _, tn = _split(outcomes)
    return ratio(fp, tn + fp)


def _kappa_by_class(outcomes: Outcomes) -> ByClass:
    """Each class against the rest."""
    tp, fp, fn, tn = _split(outcomes)
    total = tp + fp + fn + tn
    chance = (tp + fp) * (tp + fn) + (tn + fn) * (tn + fp)
    return _beyond_chance(total * (tp + tn), chance, total)


def _kappa(outcomes: Outcomes) -> Float[np.ndarray, "*draws"]:
    tp, fp, fn, tn = _split(outcomes)
    total = (tp + fp + fn + tn)[..., 0]
    return _beyond_chance(total * tp.sum(axis=-1), ((tp + fp) * (tp + fn)).sum(axis=-1), total)


def _beyond_chance(agreed: Counts, chance: Counts, total: Counts) -> Float[np.ndarray, "*shape"]:
    """Kappa from how often truth and prediction agree, and would by chance, both times `total`."""
    return ratio(agreed - chance, total**2 - chance)


iou = Metric("Intersection over union: TP / (TP + FP + FN).", _outcomes, _iou)
f1 = Metric("F1 or Dice: 2 TP / (2 TP + FP + FN).", _outcomes, _f1)
precision = Metric("Share of the pixels called so that are so: TP / (TP + FP).", _outcomes, _precision)
sensitivity = Metric(
    "Share of the pixels of a class that are found, also true positive rate and recall: TP / (TP + FN).",
    _outcomes,
    _sensitivity,
)
specificity = Metric(
    "Share of the pixels of other classes that are not called so, also true negative rate: TN / (TN + FP).",
    _outcomes,
    _specificity,
)
false_positive_rate = Metric(
    "Share of the pixels of other classes that are called so, 1 - specificity: FP / (TN + FP).",
    _outcomes,
    _false_positive_rate,
)
kappa = Metric(
    "Cohen's kappa: agreement beyond chance, of all classes at once and of each against the rest.",
    _outcomes,
    _kappa_by_class,
    _kappa,
)
