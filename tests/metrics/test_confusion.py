import json

import numpy as np
import pytest
import torch
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassF1Score,
    MulticlassJaccardIndex,
    MulticlassPrecision,
    MulticlassRecall,
)

from segue.data.classes import IGNORE
from segue.errors import DataError
from segue.metrics.confusion import confusion, scores


def random_masks(seed, n_classes=5, shape=(37, 41)):
    random = np.random.default_rng(seed)
    truth = random.integers(0, n_classes, shape).astype(np.uint8)
    prediction = np.where(random.random(shape) < 0.6, truth, random.integers(0, n_classes, shape)).astype(np.uint8)
    truth[random.random(shape) < 0.2] = IGNORE
    return truth, prediction


def brute_force(truth, prediction, n_classes):
    matrix = np.zeros((n_classes, n_classes), np.int64)
    for t, p in zip(truth.ravel(), prediction.ravel(), strict=True):
        if t != IGNORE:
            matrix[t, p] += 1
    return matrix


@pytest.mark.parametrize("seed", range(3))
def test_counts_equal_a_loop_over_pixels(seed):
    truth, prediction = random_masks(seed)
    matrix = confusion(truth, prediction, 5)
    assert matrix.dtype == np.int64
    np.testing.assert_array_equal(matrix, brute_force(truth, prediction, 5))


def test_rows_are_truth_and_columns_prediction():
    matrix = confusion(np.array([[0, 0, 1]], np.uint8), np.array([[1, 1, 1]], np.uint8), 2)
    assert matrix.tolist() == [[0, 2], [0, 1]]


def test_what_is_predicted_on_ignored_pixels_does_not_matter():
    truth, prediction = random_masks(0)
    other = prediction.copy()
    other[truth == IGNORE] = 255  # not even a class
    np.testing.assert_array_equal(confusion(truth, prediction, 5), confusion(truth, other, 5))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_any_integer_type_gives_the_same_counts(dtype):
    truth, prediction = random_masks(1)
    np.testing.assert_array_equal(
        confusion(truth.astype(dtype), prediction.astype(dtype), 5), brute_force(truth, prediction, 5)
    )


def test_many_classes_do_not_overflow_the_fused_index():
    truth = np.full((2, 2), 254, np.uint8)
    assert confusion(truth, truth, 255)[254, 254] == 4


@pytest.mark.parametrize(
    ("truth", "prediction", "text"),
    [
        ([[0, 7]], [[0, 0]], "0 to 2 in the truth, got 7"),
        ([[0, 0]], [[0, 3]], "0 to 2 in the prediction, got 3"),
        ([[0, 0]], [[0, -1]], "prediction, got -1"),
        ([[0, 0]], [[0], [0]], "one size"),
    ],
)
def test_ids_outside_the_classes_are_refused(truth, prediction, text):
    with pytest.raises(DataError, match=text):
        confusion(np.array(truth), np.array(prediction), 3)


@pytest.mark.parametrize("seed", range(4))
def test_scores_equal_torchmetrics(seed):
    n = 5
    truth, prediction = random_masks(seed, n)
    ours = scores(confusion(truth, prediction, n))
    t, p = torch.from_numpy(truth.astype(np.int64)), torch.from_numpy(prediction.astype(np.int64))

    def theirs(metric, average):
        return metric(num_classes=n, average=average, ignore_index=IGNORE)(p, t).numpy()

    np.testing.assert_allclose(ours.class_iou, theirs(MulticlassJaccardIndex, None), atol=1e-6)
    np.testing.assert_allclose(ours.class_dice, theirs(MulticlassF1Score, None), atol=1e-6)
    np.testing.assert_allclose(ours.class_precision, theirs(MulticlassPrecision, None), atol=1e-6)
    np.testing.assert_allclose(ours.class_recall, theirs(MulticlassRecall, None), atol=1e-6)
    np.testing.assert_allclose(ours.miou, theirs(MulticlassJaccardIndex, "macro"), atol=1e-6)
    np.testing.assert_allclose(ours.dice, theirs(MulticlassF1Score, "macro"), atol=1e-6)
    np.testing.assert_allclose(ours.pixel_accuracy, theirs(MulticlassAccuracy, "micro"), atol=1e-6)
    np.testing.assert_allclose(ours.mean_pixel_accuracy, theirs(MulticlassAccuracy, "macro"), atol=1e-6)
    np.testing.assert_allclose(ours.frequency_weighted_iou, theirs(MulticlassJaccardIndex, "weighted"), atol=1e-6)


def test_hand_computed():
    result = scores(np.array([[3, 1], [2, 4]]))
    assert result.class_iou.tolist() == [3 / 6, 4 / 7]
    assert result.class_precision.tolist() == [3 / 5, 4 / 5]
    assert result.class_recall.tolist() == [3 / 4, 4 / 6]
    assert result.class_dice == pytest.approx([6 / 9, 8 / 11])
    assert result.pixel_accuracy == 0.7
    assert result.frequency_weighted_iou == pytest.approx(0.4 * 0.5 + 0.6 * 4 / 7)


def test_a_class_that_is_nowhere_is_excluded_from_the_means_and_named():
    matrix = np.zeros((3, 3), np.int64)
    matrix[0, 0], matrix[1, 1] = 5, 5
    result = scores(matrix).summary(("sky", "road", "boat"))
    assert result["miou"] == 1.0
    assert result["excluded"] == ["boat"]
    assert result["classes"][2]["iou"] is None


def test_a_class_predicted_but_never_true_counts_as_zero():
    result = scores(np.array([[4, 4], [0, 0]])).summary(("sky", "road"))
    assert result["excluded"] == []
    assert result["classes"][1] == {
        "name": "road", "iou": 0.0, "dice": 0.0, "precision": 0.0, "recall": None, "pixels": 0, "predicted_pixels": 4,
    }  # fmt: skip
    assert result["miou"] == 0.25
    assert result["mean_pixel_accuracy"] == 0.5


def test_nothing_labelled_gives_none_everywhere_and_valid_json():
    result = scores(np.zeros((2, 2), np.int64)).summary(("a", "b"))
    assert result["miou"] is None
    assert "NaN" not in json.dumps(result, allow_nan=False)
