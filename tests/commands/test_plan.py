"""`segue plan` from the command line to its files, and `segue fit --plan` following them."""

import json

import pytest
import torch
import yaml
from safetensors.torch import save_file

import segue
from fakes import write_folders
from segue.cli import main
from segue.commands import plan as command
from segue.configs import OptimConfig, TrainConfig
from segue.models.encoders import create_encoder
from segue.planning import candidates, halving, validation
from segue.planning.machine import Machine

TINY = ["--device", "cpu"]
MACHINE = Machine("cpu", "fp32", 1, 8.0, "mobilenetv2_100 + unet", (32, 32), 4.0)


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch):
    """No weights of the hub here, and a machine that need not be measured."""
    monkeypatch.setattr(candidates, "cached", lambda _: None)
    monkeypatch.setattr(command, "measure_machine", lambda *_: MACHINE)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_folders(tmp_path_factory.mktemp("photos"), 10)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    for seed, name in enumerate(("one", "two")):
        torch.manual_seed(seed)
        save_file(create_encoder("test_resnet").net.state_dict(), folder / f"{name}.safetensors")
    return [f"test_resnet={folder / name}.safetensors" for name in ("one", "two")]


def files_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_without_weights_it_plans_the_default_and_says_why(data, tmp_path, capsys):
    out = tmp_path / "plan"
    assert main(["plan", str(data), "--out", str(out), *TINY, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert files_below(out) == ["fingerprint.json", "plan.yaml"]
    assert json.loads((out / "fingerprint.json").read_text()) == printed["fingerprint"]
    written = yaml.safe_load((out / "plan.yaml").read_text())
    assert written["decisions"]["model.encoder"]["value"] == "mobilenetv2_100"
    assert written["decisions"]["folds"]["value"] == 5
    assert "5 times as long" in written["decisions"]["folds"]["rule"]
    assert "no pretrained weights are on this machine" in written["decisions"]["model.encoder"]["rule"]
    assert all(set(one) == {"value", "rule", "inputs"} for one in written["decisions"].values())
    assert {one["name"] for one in printed["elsewhere"]} >= {"resnet18", "mobilenetv2_100"}
    # a plan may have been edited: it is never written over
    assert main(["plan", str(data), "--out", str(out), *TINY]) == 3
    assert "expected no plan there, found one" in capsys.readouterr().err


def test_a_share_that_is_given_stands_even_where_it_is_the_default(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(validation, "LARGE", 5)  # ten images are many: a fifth would be held out
    for words, share in ([], 0.2), (["--data.val-fraction", "0.3"], 0.3):
        assert main(["plan", str(data), "--out", str(tmp_path), *TINY, "--dry-run", "--json", *words]) == 0
        printed = json.loads(capsys.readouterr().out)
        assert printed["decisions"]["data.val_fraction"]["value"] == share
        assert printed["fingerprint"]["val"] == 10 * share


def test_a_dry_run_explains_and_writes_nothing(data, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["plan", str(data), *TINY, "--dry-run", "--explain", "--data.ignore", "9"]) == 0
    text = capsys.readouterr().out
    assert files_below(tmp_path) == []
    for heading in ("Your data", "The network to begin with", "How it will be trained", "What to keep an eye on"):
        assert heading in text
    assert "data.ignore = 9: given." in text
    assert max(map(len, text.splitlines())) <= 100


def test_sources_are_ranked_on_the_pixels_and_fit_follows_the_plan(data, tmp_path, sources, capsys, monkeypatch):
    monkeypatch.setattr("segue.planning.choice.estimate", lambda *_: halving.Cost(0, 1e5))  # no room to train
    out, run = tmp_path / "plan", tmp_path / "run"
    assert main(["plan", str(data), "--out", str(out), *TINY, "--sources", *sources, "--seed", "1"]) == 0
    decisions = yaml.safe_load((out / "plan.yaml").read_text())["decisions"]
    ranking = decisions["model.encoder"]["inputs"]["ranking"]
    assert {one["name"] for one in ranking} == {"one", "two"}
    assert decisions["model.weights"]["value"].endswith(f"{ranking[0]['name']}.safetensors")
    assert "close: to train the best briefly, allow" in decisions["model.encoder"]["rule"]
    capsys.readouterr()
    options = ["--model.decoder", "fcn", "--steps", "2", "--train.threads", "1", "--optim.batch", "2", "--folds", "1"]
    assert main(["fit", str(data), "--plan", str(out / "plan.yaml"), "--out", str(run), *options]) == 0
    said = capsys.readouterr().err
    assert f"given, so not as planned: steps 2 (the plan says {decisions['steps']['value']})" in said
    assert "not as planned: data.size" not in said
    assert (run / "plan.yaml").read_text() == (out / "plan.yaml").read_text()
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert (config["seed"], config["model"]["encoder"], config["optim"]["batch"]) == (1, "test_resnet", 2)
    assert config["data"]["size"] == decisions["data.size"]["value"]
    assert config["data"]["val_fraction"] == decisions["data.val_fraction"]["value"]


@pytest.mark.slow
def test_close_sources_are_trained_briefly_and_the_cost_is_said_before(data, tmp_path, sources, capsys, monkeypatch):
    monkeypatch.setattr(halving, "LEAST_STEPS", 1)
    monkeypatch.setattr(halving, "MOST_STEPS", 2)
    assert main(["plan", str(data), "--out", str(tmp_path), *TINY, "--sources", *sources]) == 0
    said = capsys.readouterr().err
    assert "the first 2 are close: short trainings of 2 and 4 steps decide, about" in said
    assert said.index("short trainings of") < said.index("after 2 steps in")
    chosen = yaml.safe_load((tmp_path / "plan.yaml").read_text())["decisions"]["model.encoder"]
    assert [one["steps"] for one in chosen["inputs"]["short_trainings"]] == [2, 2, 4, 4]
    assert chosen["rule"].startswith("the best of 2 after 4 steps of training")


def test_no_time_means_no_comparison(data, tmp_path, sources):
    result = segue.plan(data, out=tmp_path, minutes=0, device="cpu", sources=tuple(sources))
    assert result.choice.ranking == ()
    assert "longer than --minutes allows" in result.decisions["model.encoder"].rule
    assert result.lines()[-1] == f"segue fit {data} --plan {result.plan}"


def test_python_users_follow_a_plan_and_their_options_win(data, tmp_path, sources):
    path = tmp_path / "plan.yaml"
    decisions = {
        "model.encoder": {"value": "test_resnet"},
        "model.decoder": {"value": "fcn"},
        "model.weights": {"value": sources[0].partition("=")[2]},
        "steps": {"value": 2},
        "data.size": {"value": [32, 32]},
    }
    path.write_text(yaml.safe_dump({"version": 1, "data": "", "decisions": decisions}))
    fitted = segue.fit(data, out=tmp_path / "run", plan=path, optim=OptimConfig(batch=2), train=TrainConfig(threads=1))
    assert (fitted.config.steps, fitted.config.optim.batch, fitted.config.model.decoder) == (2, 2, "fcn")
    assert (tmp_path / "run" / "plan.yaml").read_text() == path.read_text()


def test_a_plan_with_a_mistake_is_one_line(data, tmp_path, capsys):
    path = tmp_path / "plan.yaml"
    path.write_text("version: 1\ndecisions:\n  optim.lrr: {value: 1}\n")
    assert main(["fit", str(data), "--plan", str(path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"{path}: unknown decision optim.lrr: did you mean optim.lr" in error
