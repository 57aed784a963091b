import csv
import io
import json

import numpy as np
import pytest

from fakes import write_folders
from segue.data.encoding import encode
from segue.data.formats import open_index
from segue.data.image import read_mask
from segue.data.index import Sample
from segue.errors import DataError
from segue.infer.evaluate import Evaluation, evaluate
from segue.infer.segmenter import Segmenter
from segue.metrics.case import Case, Measure
from segue.metrics.confusion import confusion, scores
from segue.metrics.measured import chosen
from segue.metrics.units import resampling_units
from tiny_model import tiny_info, tiny_model


@pytest.fixture(scope="module")
def segmenter():
    return Segmenter(tiny_model(tiny_info()), tiny_info(), "cpu")


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return open_index([write_folders(tmp_path_factory.mktemp("data") / "d", 5)]).samples


def made_up(groups=None):
    random = np.random.default_rng(0)
    matrices = random.integers(0, 90, (6, 4, 4)) + 300 * np.eye(4, dtype=int)
    matrices[2] = 0
    matrices[4, 3] = 0
    matrices[3] = random.integers(0, 90, (4, 4))
    ids = tuple(f"{i}" for i in range(6))
    return Evaluation(ids, tuple(groups or [""] * 6), matrices.astype(np.int64), tiny_info().classes, 1.5)


def test_counts_what_predict_gives(segmenter, samples):
    evaluation = evaluate(segmenter, samples)
    assert evaluation.ids == tuple(sample.id for sample in samples)
    for sample, matrix in zip(samples, evaluation.matrices, strict=True):
        truth = encode(read_mask(sample.mask), segmenter.classes)
        np.testing.assert_array_equal(matrix, confusion(truth, segmenter.predict(sample.image).mask, 4))


def test_progress_is_told_image_by_image(segmenter, samples):
    told = []
    evaluate(segmenter, samples, progress=lambda share, name: told.append((share, name)))
    assert told == [((i + 1) / 5, sample.id) for i, sample in enumerate(samples)]


def test_the_summary_has_the_promised_keys_and_is_json():
    summary = made_up().summary(resamples=200)
    assert {
        "miou", "classes", "n_images", "interval", "interval_unit", "interval_units", "interval_caution",
        "pixel_accuracy", "mean_pixel_accuracy", "frequency_weighted_iou", "dice", "excluded", "seconds",
    } == set(summary)  # fmt: skip
    assert set(summary["classes"][0]) == {"name", "iou", "dice", "precision", "recall", "pixels", "predicted_pixels"}
    low, high = summary["interval"]
    assert low < summary["miou"] < high
    assert summary["interval_unit"] == "images"
    json.dumps(summary, allow_nan=False)


def test_the_headline_is_the_score_of_all_pixels_together():
    evaluation = made_up()
    assert evaluation.summary()["miou"] == scores(evaluation.matrices.sum(axis=0)).miou


def test_groups_reach_the_interval():
    assert made_up(["a", "a", "b", "c", "d", "e"]).summary()["interval_unit"] == "groups"


def test_one_image_has_no_interval():
    one = made_up()
    one = Evaluation(one.ids[:1], one.groups[:1], one.matrices[:1], one.classes, 0.1)
    assert one.summary()["interval"] == [None, None]


def test_the_score_of_an_image_counts_the_classes_its_truth_holds():
    evaluation = made_up()
    matrix = evaluation.matrices[4]
    assert evaluation.image_mious()[4] == pytest.approx(scores(matrix).class_iou[:3].mean())


def test_the_worst_images_come_first_and_unlabelled_ones_not_at_all():
    evaluation = made_up()
    mious = dict(zip(evaluation.ids, evaluation.image_mious(), strict=True))
    worst = evaluation.worst(10)
    assert worst[0] == "3"
    assert "2" not in worst
    assert [mious[name] for name in worst] == sorted(mious[name] for name in worst)
    assert evaluation.worst(2) == worst[:2]


def test_the_table_of_images_leaves_undefined_cells_empty():
    rows = list(csv.DictReader(io.StringIO(made_up().csv())))
    assert [row["id"] for row in rows] == list("012345")
    assert rows[2]["miou"] == rows[2]["pixel_accuracy"] == rows[2]["iou disc"] == ""
    assert rows[2]["pixels"] == "0"
    assert float(rows[0]["iou disc"]) == pytest.approx(scores(made_up().matrices[0]).class_iou[1], abs=1e-6)


def test_further_metrics_are_those_of_each_image(segmenter, samples):
    names, measure = ("hd95", "nsd", "kappa"), Measure((0.5, 1.0), 2.0)
    metrics = chosen(names, measure)
    evaluation = evaluate(segmenter, samples, metrics=metrics, measure=measure)
    cases = [
        Case(encode(read_mask(sample.mask), segmenter.classes), segmenter.predict(sample.image).mask, 4, measure)
        for sample in samples
    ]
    for name in names:
        expected = np.stack([metrics[name].evidence(case) for case in cases])
        np.testing.assert_array_equal(evaluation.measured[name].evidence, expected)
    summary = evaluation.summary(resamples=100)
    assert list(summary["metrics"]) == list(names)
    assert summary["measure"] == {"spacing": (0.5, 1.0), "tolerance": 2.0, "missed": "exclude"}
    assert summary["metrics"]["nsd"] == evaluation.measured["nsd"].summary(
        segmenter.classes.names, resampling_units(5), 100
    )
    plain = evaluate(segmenter, samples)
    assert {key: plain.summary(resamples=100)[key] for key in ("miou", "interval", "classes")} == {
        key: summary[key] for key in ("miou", "interval", "classes")
    }


def test_the_table_of_images_has_a_column_for_each_class_of_a_further_metric(segmenter, samples):
    measure = Measure(tolerance=1.0)
    evaluation = evaluate(segmenter, samples, metrics=chosen(("assd", "nsd"), measure), measure=measure)
    rows = list(csv.DictReader(io.StringIO(evaluation.csv())))
    names = segmenter.classes.names
    added = [label for metric in ("assd", "nsd") for label in (metric, *(f"{metric} {name}" for name in names))]
    assert list(rows[0])[-10:] == added
    for row, values in zip(rows, evaluation.measured["assd"].of_images(), strict=True):
        shown = [float(row[label] or "nan") for label in added[:5]]
        np.testing.assert_allclose(shown, values, atol=1e-6)


def test_nothing_to_evaluate(segmenter):
    with pytest.raises(DataError, match="at least one labelled image"):
        evaluate(segmenter, ())


def test_an_image_without_a_mask_is_named(segmenter, samples):
    bare = Sample("bare", samples[0].image, None)
    with pytest.raises(DataError, match="expected a mask"):
        evaluate(segmenter, (*samples, bare))
