"""`segue lr-find` from the command line to its two files."""

import json
from pathlib import Path

import pytest

import segue
from fakes import write_folders
from segue.cli import main
from segue.commands.lr_find import LrFindResult
from segue.configs import DataConfig, FitConfig, ModelConfig, OptimConfig, TrainConfig, TransferConfig
from segue.train.range_test import Curve, Suggestion

TINY = [
    "--model.encoder", "test_resnet", "--model.decoder", "fcn", "--transfer.mode", "scratch", "--data.size", "32x32",
    "--optim.batch", "2", "--train.threads", "1", "--train.precision", "fp32", "--steps", "20", "--lowest", "1e-5",
]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_folders(tmp_path_factory.mktemp("photos"))


def files_below(folder):
    return {path.relative_to(folder): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_it_writes_two_files_touches_nothing_else_and_says_the_same_again(data, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = files_below(data)
    assert main(["lr-find", str(data), *TINY, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert sorted(path.as_posix() for path in files_below(tmp_path)) == ["lr-find/lr_find.json", "lr-find/lr_find.png"]
    assert files_below(data) == before
    assert json.loads((tmp_path / "lr-find" / "lr_find.json").read_text()) == printed
    assert len(printed["rates"]) == len(printed["losses"]) <= 20
    assert printed["rates"][0] == pytest.approx(1e-5)
    assert printed["config"]["model"]["encoder"] == "test_resnet"
    assert main(["lr-find", str(data), *TINY, "--out", str(tmp_path / "again"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["losses"] == printed["losses"]


def test_python_users_get_the_suggestion_and_people_read_it_as_an_option(data, tmp_path):
    result = segue.lr_find(
        data,
        out=tmp_path,
        steps=20,
        lowest=1e-5,
        data=DataConfig(size=(32, 32)),
        model=ModelConfig(encoder="test_resnet", decoder="fcn"),
        transfer=TransferConfig(mode="scratch"),
        optim=OptimConfig(batch=2),
        train=TrainConfig(threads=1, precision="fp32"),
    )
    suggested = json.loads((tmp_path / "lr_find.json").read_text())["lr"]
    assert result.suggestion.lr == suggested
    if suggested is None:
        assert result.lines()[0].startswith("the loss did not fall at any rate")
    else:
        assert result.lines()[-1] == f"use it: segue fit … --optim.lr {suggested:.2g}"


def test_a_dry_run_writes_nothing(data, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["lr-find", str(data), *TINY, "--dry-run"]) == 0
    assert "nothing was computed" in capsys.readouterr().out
    assert files_below(tmp_path) == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--lowest", "0.1", "--highest", "0.5"], "highest: expected at least ten times lowest, 1, got 0.5"),
        (["--steps", "5"], "steps: expected 20 to 10000, got 5"),
    ],
)
def test_rates_that_do_not_rise_and_too_few_steps_are_refused(data, capsys, options, message):
    assert main(["lr-find", str(data), *options]) == 2
    assert message in capsys.readouterr().err


def test_without_data_it_says_what_it_wants(capsys):
    assert main(["lr-find"]) == 2
    assert "expected a folder with images and masks" in capsys.readouterr().err


def test_the_advice_fits_what_was_seen():
    optim = OptimConfig(lr=2e-3, encoder_lr=1e-4)
    found = LrFindResult(Curve((1e-3,), (1.0,)), Suggestion(4e-2, 1e-1, None), FitConfig(optim=optim), Path("o"), 1.0)
    assert found.lines()[-1] == "use it: segue fit … --optim.lr 0.04 --optim.encoder-lr 0.002"
    nothing = Suggestion(None, None, None)
    for ended, advice in ((None, "raise --highest"), (1.0, "lower --lowest")):
        fell = LrFindResult(Curve((1.0,), (9.0,), ended), nothing, FitConfig(), Path("o"), 1.0)
        assert advice in fell.lines()[0]
