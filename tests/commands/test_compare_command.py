"""`segue compare`: the answer, what it refuses, and what it does when data are given."""

import dataclasses
import json
from pathlib import Path

import pytest

import segue
from fakes import write_folders
from segue.cli import main
from segue.commands.compare import CompareResult
from segue.data.formats import open_index
from segue.errors import DataError, RunError
from segue.infer.counts import load_counts, save_counts
from segue.infer.evaluate import evaluate
from segue.infer.segmenter import Segmenter
from segue.metrics.bootstrap import Interval
from segue.trust.compare import Comparison, Difference
from tiny_model import write_run


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_folders(tmp_path_factory.mktemp("data") / "d", 12)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return write_run(folder / "a", seed=0), write_run(folder / "b", seed=1)


@pytest.fixture(scope="module")
def scored(runs, data, tmp_path_factory):
    """Folders that hold what `segue evaluate --out` writes of it."""
    folders = tmp_path_factory.mktemp("scored")
    for run in runs:
        evaluation = evaluate(Segmenter.load(run, "cpu"), open_index([data]).samples)
        (folders / run.name).mkdir()
        save_counts(folders / run.name / "confusion.npz", evaluation.counts())
        record = evaluation.summary() | {"trained_on": 0}
        (folders / run.name / "evaluation.json").write_text(json.dumps(record))
    return tuple(folders / run.name for run in runs)


def test_both_are_evaluated_on_data_and_the_same_comes_from_their_written_evaluations(runs, scored, data, capsys):
    assert main(["compare", *map(str, runs), str(data), "--device", "cpu", "--json"]) == 0
    fresh = json.loads(capsys.readouterr().out)
    assert main(["compare", *map(str, scored), "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert fresh | {"runs": None} == written | {"runs": None}
    mious = [json.loads((out / "evaluation.json").read_text())["miou"] for out in scored]
    assert (fresh["miou"]["first"], fresh["miou"]["second"]) == tuple(mious)
    assert fresh["miou"]["difference"] == pytest.approx(mious[1] - mious[0])
    assert [row["name"] for row in fresh["classes"]] == ["ground", "disc", "box", "stripe"]
    assert (fresh["n_images"], fresh["interval_unit"], fresh["interval_units"]) == (12, "images", 12)


def test_python_users_get_the_answer(scored):
    result = segue.compare(*scored, margin=1.0)
    assert result.comparison.answer in ("first", "second", "alike")
    assert result.lines()[0] == result.sentence()


def said(low, high, margin=0.01, units=40, value=None):
    value = (low + high) / 2 if value is None else value
    miou = Difference(0.5, 0.5 + value, Interval(low, high, "images", units, "careful" if units < 10 else ""))
    return CompareResult(Comparison(miou, {"car": miou}, units, margin), (Path("A"), Path("B")), (0, 3))


@pytest.mark.parametrize(
    ("low", "high", "sentence"),
    [
        (0.012, 0.03, "yes: B is better, by 0.012 to 0.030 mIoU"),
        (-0.03, -0.012, "yes: A is better, by 0.012 to 0.030 mIoU"),
        (0.001, 0.004, "yes: B is better, by 0.001 to 0.004 mIoU, which is less than the 0.01 that matters"),
        (-0.004, 0.009, "no: a difference of more than 0.009 mIoU either way is unlikely"),
        (
            -0.01,
            0.03,
            "not enough images: a difference of up to 0.030 mIoU may be there; about 640 images would tell one of 0.01",
        ),
    ],
)
def test_the_answer_in_words(low, high, sentence):
    lines = said(low, high).lines()
    assert lines[0] == sentence
    assert any(line.startswith("car") and f"{low:+.3f} to {high:+.3f}" in line for line in lines)
    assert lines[-1] == "caution: B was trained on 3 of these images, which flatters it"


def test_a_caution_of_the_interval_is_passed_on():
    assert "caution: careful" in said(0.1, 0.2, units=5).lines()


def test_a_run_without_an_evaluation_asks_for_data(runs):
    with pytest.raises(RunError, match=r"no confusion\.npz: give labelled data.*segue compare RUN_A RUN_B DATA"):
        segue.compare(*runs)


def test_other_images_are_refused(scored, tmp_path):
    counts = load_counts(scored[1] / "confusion.npz")
    fewer = dataclasses.replace(counts, ids=counts.ids[1:], groups=counts.groups[1:], matrices=counts.matrices[1:])
    save_counts(tmp_path / "confusion.npz", fewer)
    with pytest.raises(DataError, match="the same images on both sides, 1 are on one only"):
        segue.compare(scored[0], tmp_path)


def test_images_that_one_run_was_trained_on_are_left_out(runs, data, tmp_path):
    samples = open_index([data]).samples
    for name, trained in (("one", 4), ("two", 9)):
        run = write_run(tmp_path / name, seed=trained)
        rows = [
            {
                "id": s.id,
                "split": "train" if i < trained else "val",
                "bytes": s.image.stat().st_size + s.mask.stat().st_size,
            }
            for i, s in enumerate(samples)
        ]
        (run / "data.json").write_text(json.dumps({"samples": rows}))
    result = segue.compare(tmp_path / "one", tmp_path / "two", data, device="cpu")
    assert (result.comparison.images, result.trained_on) == (3, (0, 0))
    everything = segue.compare(tmp_path / "one", tmp_path / "two", data, split="all", device="cpu")
    assert (everything.comparison.images, everything.trained_on) == (12, (4, 9))


def test_too_few_runs_are_wrong_usage(capsys):
    assert main(["compare", "only-one"]) == 2
    assert "expected two runs" in capsys.readouterr().err
