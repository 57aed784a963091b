"""`segue fit --folds`: a network for each fold, every image judged once, their mean as the model."""

import json
import re
import shutil
import signal

import numpy as np
import pytest
import yaml

import segue
from fakes import write_folders, write_split
from segue.cli import main
from segue.errors import InterruptedRunError
from segue.infer.counts import load_counts
from segue.infer.segmenter import Segmenter
from segue.models.artifact import load_info
from segue.train.step import training_step

TINY = [
    "--model.encoder", "test_resnet", "--model.decoder", "fcn", "--transfer.mode", "scratch", "--data.size", "32x32",
    "--optim.batch", "2", "--train.validations", "1", "--train.threads", "1", "--data.workers", "0",
    "--train.precision", "fp32", "--train.device", "cpu", "--no-configure",
]  # fmt: skip
FOLDS = ["--folds", "2", "--steps", "2", *TINY]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_folders(tmp_path_factory.mktemp("photos"), 4)


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert main(["fit", str(data), "--out", str(folder), *FOLDS]) == 0
    return folder


def evaluation_of(run):
    return json.loads((run / "evaluation.json").read_text())


def test_every_image_is_judged_once_by_the_network_that_has_not_seen_it(run, data):
    fold_of = json.loads((run / "folds.json").read_text())
    folds = [run / "folds" / f"fold-{number}" for number in (1, 2)]
    pooled = load_counts(run / "confusion.npz")
    assert sorted(pooled.ids) == sorted(fold_of) == [f"images/{number:03d}" for number in range(4)]
    for number, fold in enumerate(folds, 1):
        own = load_counts(fold / "confusion.npz")
        assert set(own.ids) == {name for name in fold_of if fold_of[name] == number}
        for name, matrix in zip(own.ids, own.matrices, strict=True):
            np.testing.assert_array_equal(pooled.matrices[pooled.ids.index(name)], matrix)
        split = json.loads((fold / "split.json").read_text())
        assert {name for name in split if split[name] == "train"} == set(fold_of) - set(own.ids)
    evaluation = evaluation_of(run)
    assert evaluation["n_images"] == evaluation["interval_units"] == 4
    assert [one["images"] for one in evaluation["folds"]] == [2, 2]
    assert [one["miou"] for one in evaluation["folds"]] == [evaluation_of(fold)["miou"] for fold in folds]


def test_the_run_folder_has_the_files_of_any_run_and_says_what_was_judged(run):
    files = ["config.yaml", "data.json", "folds.json", "evaluation.json", "per_image.csv", "confusion.npz"]
    files += ["confusion.png", "suspects.json", "report.html", "val_pred.jpg", "reliability.png", "model/model.json"]
    files += ["model/member-1.safetensors", "model/member-2.safetensors", "folds/fold-2/report.html"]
    assert [name for name in files if not (run / name).is_file()] == []
    page = (run / "report.html").read_text()
    assert "Each of 4 images was judged by the one of 2 networks that has not seen it" in page
    assert 'id="meaning-folds"' in page
    assert len((run / "per_image.csv").read_text().splitlines()) == 5
    assert yaml.safe_load((run / "config.yaml").read_text())["folds"] == 2


def test_the_model_is_the_mean_with_the_temperature_of_the_pooled_predictions(run, data):
    info = load_info(run)
    assert info.members == 2
    assert info.temperature == pytest.approx(evaluation_of(run)["calibration"]["temperature"], abs=1e-6)
    assert info.scores["miou"] == pytest.approx(evaluation_of(run)["miou"])
    photo = data / "images" / "000.jpg"
    logs = []
    for fold in (1, 2):
        shares = Segmenter.load(run / "folds" / f"fold-{fold}", "cpu")
        logs.append(shares.temperature * np.log(shares.predict(photo, probabilities=True).probabilities))
    expected = np.exp(np.mean(logs, axis=0) / info.temperature)
    probabilities = segue.load(run, device="cpu").predict(photo, probabilities=True).probabilities
    np.testing.assert_allclose(probabilities, expected / expected.sum(axis=0), atol=1e-4)


def test_other_verbs_take_the_run_and_know_what_it_was_trained_on(run, data, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["predict", str(run), str(data / "images"), "--out", str(out), "--device", "cpu"]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(run), str(data), "--device", "cpu"]) == 0
    assert "the run was trained on 4 of these images" in capsys.readouterr().out
    assert main(["compare", str(run), str(run)]) == 0
    assert main(["review", str(run), str(data), "--device", "cpu"]) == 1
    assert "expected images that the run was not trained on, got 4" in capsys.readouterr().err


def test_where_one_network_is_needed_a_fold_is_asked_for(run, data, tmp_path, capsys):
    assert main(["fit", str(data), "--model.weights", str(run), "--out", str(tmp_path / "next"), *TINY[4:]]) == 1
    assert f"{run}: expected a single network, got an ensemble of 2: name the run of one" in capsys.readouterr().err
    assert main(["forecast", str(run)]) == 1
    assert f"segue forecast {run}/folds/fold-1" in capsys.readouterr().err


def test_a_complete_run_gives_its_result_again(run, capsys):
    assert main(["fit", "--resume", str(run), "--json"]) == 0
    shown = capsys.readouterr()
    result = json.loads(shown.out)
    assert result["evaluation"] == evaluation_of(run)
    assert result["seconds"] > 0
    assert f"--model.weights {run}/folds/fold-1" in shown.err


def test_a_dry_run_says_what_would_run_and_writes_nothing(data, tmp_path, capsys):
    assert main(["fit", str(data), "--out", str(tmp_path / "dry"), "--dry-run", *FOLDS]) == 0
    shown = capsys.readouterr()
    assert "2 networks for 4 images, each image held out of one of them" in shown.err
    assert "folds: 2" in shown.out
    assert not (tmp_path / "dry").exists()


def test_what_does_not_go_together_with_folds_is_one_line(run, data, tmp_path, capsys):
    parts = write_split(tmp_path / "parts")
    split = run / "folds" / "fold-1" / "split.json"
    for where, options, code, text in (
        (data, ["--folds", "2", "--data.split", str(split)], 2, "expected --data.split or --folds 2, got both"),
        (parts, ["--folds", "2"], 2, "expected data without a validation part of its own beside --folds 2, it has one"),
        (data, ["--folds", "5"], 1, "expected 5 or more groups of images .* for --folds 5, got 4: use --folds 4"),
        (data, ["--folds", "4", "--minutes", "0.3"], 2, "minutes: expected at least 0.42 for 4 folds, got 0.3"),
        (data, ["--folds", "21"], 2, "folds: expected 1 to 20, got 21"),
        (data, ["--folds", "2", "--steps", "1", "--model.weights", "no.pth", "--transfer.mode", "full"], 1, "no.pth"),
    ):
        assert main(["fit", str(where), "--out", str(tmp_path / "new"), *TINY, *options]) == code
        error = capsys.readouterr().err
        assert re.search(text, error)
        assert "Traceback" not in error
        assert not (tmp_path / "new").exists()


def test_a_plain_fit_gives_the_advice_and_trains_one_network(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("segue.planning.validation.FOLDS", 4)
    options = [word for word in TINY if word != "--no-configure"]
    assert main(["fit", str(data), "--out", str(tmp_path / "dry"), "--dry-run", "--steps", "2", *options]) == 0
    shown = capsys.readouterr()
    assert "1 image to judge by is few: with --folds 4 all 4 would be judged, in 4 times the time" in shown.err
    assert "folds: 1" in shown.out


@pytest.mark.slow
def test_minutes_are_divided_among_the_folds(data, tmp_path):
    run = tmp_path / "run"
    assert main(["fit", str(data), "--out", str(run), "--folds", "2", "--minutes", "0.5", *TINY]) == 0
    each = [yaml.safe_load((run / f"folds/fold-{fold}/config.yaml").read_text())["minutes"] for fold in (1, 2)]
    assert each[0] == each[1]
    assert 0.1 <= each[0] <= 0.5 * 0.95 / 2
    assert (run / "report.html").is_file()


def contents(run):
    """What must not depend on interruptions; clocks and paths do."""
    names = ["folds.json", "per_image.csv", "model/model.json"]
    names += [f"model/member-{fold}.safetensors" for fold in (1, 2)]
    names += [f"folds/fold-{fold}/metrics.csv" for fold in (1, 2)]
    return {name: (run / name).read_bytes() for name in names}


def stopping(after):
    """`training_step`, after so many calls of which a signal is raised as Ctrl-C does."""
    calls = []

    def stopped(*args):
        calls.append(1)
        if len(calls) == after:
            signal.raise_signal(signal.SIGINT)
        return training_step(*args)

    return stopped


@pytest.mark.slow
@pytest.mark.parametrize(("steps", "fold"), [(1, 1), (3, 2)])
def test_a_run_stopped_in_any_fold_ends_with_the_bytes_of_one_that_was_not(
    run, data, tmp_path, steps, fold, monkeypatch, capsys
):
    copy = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr("segue.train.loop.training_step", stopping(steps))
        assert main(["fit", str(data), "--out", str(copy), *FOLDS]) == 130
    said = capsys.readouterr().err
    assert f"stopped in fold {fold} of 2, state saved: continue with segue fit --resume {copy}" in said
    assert not (copy / "report.html").exists()
    assert main(["fit", "--resume", str(copy)]) == 0
    assert contents(copy) == contents(run)


@pytest.mark.slow
def test_a_run_stopped_before_its_report_and_one_with_a_half_made_fold_are_completed(run, data, tmp_path, monkeypatch):
    copy = tmp_path / "run"

    def killed(*_):
        raise InterruptedRunError("killed", 9)

    with monkeypatch.context() as patched:
        patched.setattr("segue.commands.folds.write_evaluation", killed)
        assert main(["fit", str(data), "--out", str(copy), *FOLDS]) == 137
    assert (copy / "model" / "model.json").is_file()
    shutil.rmtree(copy / "folds" / "fold-2")
    (copy / "folds" / "fold-2").mkdir()
    (copy / "folds" / "fold-2" / "data.json").write_text("{")
    assert main(["fit", "--resume", str(copy)]) == 0
    assert contents(copy) == contents(run)
