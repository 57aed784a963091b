"""Rates and kappa against torchmetrics, hand-computed values, and the scores of the confusion matrix."""

import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassCohenKappa, MulticlassRecall, MulticlassSpecificity

from segue.data.classes import IGNORE
from segue.metrics import METRICS
from segue.metrics.case import Case, outcomes
from segue.metrics.confusion import confusion, scores

# of 10 pixels: 6 are of class 0 and 4 of class 1; 2 of the former are called 1, 1 of the latter is called 0
TWO = np.array([[4, 2], [1, 3]])


def of(name, matrix):
    return METRICS[name].scores(outcomes(np.asarray(matrix)))


def random_masks(seed, n_classes=5, shape=(37, 41)):
    random = np.random.default_rng(seed)
    truth = random.integers(0, n_classes, shape).astype(np.uint8)
    prediction = np.where(random.random(shape) < 0.6, truth, random.integers(0, n_classes, shape)).astype(np.uint8)
    truth[random.random(shape) < 0.2] = IGNORE
    return truth, prediction


@pytest.mark.parametrize(
    ("name", "by_class"),
    [
        ("iou", [4 / 7, 3 / 6]),
        ("f1", [8 / 11, 6 / 9]),
        ("precision", [4 / 5, 3 / 5]),
        ("sensitivity", [4 / 6, 3 / 4]),
        ("tpr", [4 / 6, 3 / 4]),
        ("specificity", [3 / 4, 4 / 6]),
        ("fpr", [1 / 4, 2 / 6]),
    ],
)
def test_rates_by_hand(name, by_class):
    assert of(name, TWO) == pytest.approx([np.mean(by_class), *by_class])


def test_kappa_by_hand():
    # observed 0.7; by chance 0.6 * 0.5 + 0.4 * 0.5
    assert of("kappa", TWO) == pytest.approx([(0.7 - 0.5) / 0.5] * 3)


@pytest.mark.parametrize("seed", range(3))
def test_torchmetrics_agrees(seed):
    truth, prediction = random_masks(seed)
    matrix = confusion(truth, prediction, 5)
    t, p = torch.from_numpy(truth.astype(np.int64)), torch.from_numpy(prediction.astype(np.int64))

    def theirs(metric, **options):
        return metric(num_classes=5, ignore_index=IGNORE, **options)(p, t).numpy()

    np.testing.assert_allclose(of("kappa", matrix)[0], theirs(MulticlassCohenKappa), atol=1e-6)
    np.testing.assert_allclose(of("specificity", matrix)[1:], theirs(MulticlassSpecificity, average=None), atol=1e-6)
    np.testing.assert_allclose(of("tpr", matrix)[1:], theirs(MulticlassRecall, average=None), atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_the_scores_of_the_confusion_matrix_are_the_same(seed):
    matrix = confusion(*random_masks(seed), 7)  # two classes are nowhere
    ours = scores(matrix)
    for name, mean, by_class in [
        ("iou", ours.miou, ours.class_iou),
        ("f1", ours.dice, ours.class_dice),
        ("sensitivity", ours.mean_pixel_accuracy, ours.class_recall),
    ]:
        np.testing.assert_allclose(of(name, matrix), [mean, *by_class])
    np.testing.assert_allclose(of("precision", matrix)[1:], ours.class_precision)


def test_the_rates_of_a_class_belong_together():
    matrix = confusion(*random_masks(0), 5)
    np.testing.assert_allclose(of("fpr", matrix), 1 - of("specificity", matrix))


def test_kappa_of_a_class_is_that_of_the_class_against_the_rest():
    truth, prediction = random_masks(1)
    for c in range(5):
        binary = confusion(np.where(truth == IGNORE, IGNORE, truth == c), (prediction == c).astype(int), 2)
        assert of("kappa", confusion(truth, prediction, 5))[1 + c] == pytest.approx(of("kappa", binary)[0])


def test_chance_has_no_kappa_and_a_certain_class_no_specificity():
    one_class = [[9, 0], [0, 0]]
    assert np.isnan(of("kappa", one_class)).all()  # as much agreement is expected as there can be
    assert np.isnan(of("specificity", one_class)[1])  # nothing else is there that could be called so
    assert of("specificity", one_class)[2] == 1
    assert np.isnan(of("sensitivity", one_class)[2])
    assert np.isnan(of("iou", one_class)[2])
    assert of("kappa", [[5, 5], [5, 5]])[0] == 0
    assert of("kappa", [[0, 5], [5, 0]])[0] == -1


def test_outcomes_count_every_labelled_pixel_once_for_each_class():
    truth, prediction = random_masks(2)
    four = Case(truth, prediction, 5).outcomes
    assert (four.sum(axis=1) == (truth != IGNORE).sum()).all()
    kept = truth != IGNORE
    for c, (tp, fp, fn, tn) in enumerate(four):
        true, called = truth[kept] == c, prediction[kept] == c
        assert [tp, fp, fn, tn] == [
            (true & called).sum(), (~true & called).sum(), (true & ~called).sum(), (~true & ~called).sum(),
        ]  # fmt: skip
