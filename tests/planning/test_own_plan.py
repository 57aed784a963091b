"""`segue fit` decides what was left open, leaves alone what was given, and writes down why."""

import pytest
import yaml

import segue
from fakes import write_folders
from segue.cli import main
from segue.commands import fit
from segue.configs import DataConfig, FitConfig, ModelConfig, TrainConfig, TransferConfig
from segue.planning import own_plan

TINY = ["--model.encoder", "test_resnet", "--transfer.mode", "scratch", "--data.size", "32x32", "--steps", "2"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_folders(tmp_path_factory.mktemp("photos") / "photos", 10)


def config_of(run):
    return yaml.safe_load((run / "config.yaml").read_text())


def test_a_fit_decides_by_itself_and_writes_plan_and_fingerprint(data, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["fit", str(data), "--out", str(run), *TINY]) == 0
    assert "from the data: model.decoder segformer instead of unet: one layer for each" in capsys.readouterr().err
    config, plan = config_of(run), yaml.safe_load((run / "plan.yaml").read_text())["decisions"]
    assert config["model"]["decoder"] == plan["model.decoder"]["value"] == "segformer"
    assert config["optim"]["lr"] == plan["optim.lr"]["value"] == pytest.approx(0.002)
    assert (run / "fingerprint.json").is_file()
    # what was given is no decision of the plan's
    assert not {"steps", "data.size", "model.encoder", "transfer.mode"} & set(plan)
    assert config["steps"] == 2


@pytest.mark.parametrize("words", [["--model.decoder", "unet"], ["--no-configure"]])
def test_a_value_that_was_given_stands_even_where_it_is_the_default(data, tmp_path, words):
    run = tmp_path / "run"
    assert main(["fit", str(data), "--out", str(run), *TINY, *words]) == 0
    assert config_of(run)["model"]["decoder"] == "unet"
    assert (run / "plan.yaml").exists() == ("--no-configure" not in words)


def test_a_run_s_configuration_gives_the_same_run_again(data, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    assert main(["fit", str(data), "--out", str(first), *TINY]) == 0
    assert main(["fit", str(data), "--out", str(second), "--config", str(first / "config.yaml")]) == 0
    for name in ("data", "model", "optim", "transfer", "augment", "train", "steps"):
        assert config_of(first)[name] == config_of(second)[name]
    assert (first / "model/model.safetensors").read_bytes() == (second / "model/model.safetensors").read_bytes()


def test_python_users_get_the_same_decisions(data, tmp_path):
    given = {
        "steps": 2,
        "data": DataConfig(size=(32, 32)),
        "model": ModelConfig(encoder="test_resnet"),
        "transfer": TransferConfig(mode="scratch"),
        "train": TrainConfig(threads=1),
    }
    decided = segue.fit(data, out=tmp_path / "decided", **given).config
    fixed = segue.fit(data, out=tmp_path / "fixed", configure=False, **given).config
    given["model"] = ModelConfig(encoder="test_resnet", decoder="fcn")
    named = segue.fit(data, out=tmp_path / "named", **given).config
    assert [one.model.decoder for one in (decided, fixed, named)] == ["segformer", "unet", "fcn"]
    assert decided.data.val_fraction == pytest.approx(0.3)


def test_nothing_is_compared_in_a_short_training_nor_measured_for_it(data, monkeypatch):
    def refuse(*_):
        raise AssertionError("the machine was measured")

    monkeypatch.setattr(own_plan, "measure_machine", refuse)
    monkeypatch.setattr(own_plan, "on_this_machine", lambda *_: True)
    config = FitConfig((data,), steps=50, dry_run=False, data=DataConfig(size=(32, 32)))
    ready = fit._ready(fit.dataclasses.replace(config, model=ModelConfig(encoder="test_resnet")), frozenset())
    assert ready[2].decisions["transfer.mode"].rule.startswith("the default")
