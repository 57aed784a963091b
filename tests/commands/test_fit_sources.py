"""`segue fit` from whole networks: what the run folder says of them, and that it needs them no more."""

import json
import shutil

import pytest
import torch
import yaml
from safetensors.torch import load_file

from fakes import write_folders
from segue.cli import main
from segue.errors import InterruptedRunError
from segue.models.artifact import load_info
from tiny_networks import save_smp, save_torchvision, save_transformers

NAMES = "ground,disc,box,stripe"  # of the data
THEIRS = ("Disc", "wall", "stripe", "background")  # of the networks; two are the data's
SHORT = [
    "--data.names", NAMES, "--data.size", "32x32", "--optim.batch", "2", "--train.validations", "1",
    "--train.threads", "1", "--train.precision", "fp32",
]  # fmt: skip
PREPROCESSING = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.2, 0.2], "do_reduce_labels": True}


def from_transformers(kind):
    return lambda place: save_transformers(place / "net", kind, THEIRS, PREPROCESSING) and place / "net"


def from_smp(place):
    save_smp(place / "net")
    return place / "net"


def from_torchvision(name):
    return lambda place: save_torchvision(place / "net.pth", name) and place / "net.pth"


SOURCES = {
    "segformer": from_transformers("segformer"),
    "smp": from_smp,
    **{kind: from_transformers(kind) for kind in ("upernet-swin", "dpt", "mask2former-swin", "eomt")},
    "lraspp": from_torchvision("lraspp_mobilenet_v3_large"),
    "deeplabv3": from_torchvision("deeplabv3_resnet50"),
}
FAST = ("segformer",)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_folders(tmp_path_factory.mktemp("photos") / "data")


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=[] if name in FAST else [pytest.mark.slow]) for name in SOURCES],
)
def run(request, data, tmp_path_factory):
    """A run of two steps from a network that is gone afterwards."""
    place = tmp_path_factory.mktemp("place")
    source = SOURCES[request.param](place)
    folder = place / "run"
    assert main(["fit", str(data), "--model.weights", str(source), "--out", str(folder), "--steps", "2", *SHORT]) == 0
    shutil.rmtree(source) if source.is_dir() else source.unlink()
    return folder


def test_the_configuration_names_the_network_that_was_taken(run):
    model = yaml.safe_load((run / "config.yaml").read_text())["model"]
    info = load_info(run)
    assert (model["encoder"], model["decoder"]) == (info.spec.encoder, info.spec.decoder)
    assert model["encoder"] != "mobilenetv2_100"
    if model["encoder"].startswith("transformers:"):
        assert info.prep.mean == (0.5, 0.4, 0.3)
        loaded = json.loads((run / "weights.json").read_text())
        assert loaded["kept"] == ["disc", "stripe"]
        assert loaded["from_background"] == ["ground", "box"]


def test_the_run_predicts_and_is_scored_without_its_source(run, data, tmp_path, capsys):
    assert main(["predict", str(run), str(data / "images"), "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(run), str(data), "--json"]) == 0
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert json.loads(capsys.readouterr().out)["miou"] == evaluation["miou"]


def test_the_run_is_a_source_itself(run, data, tmp_path):
    again = tmp_path / "again"
    assert main(["fit", str(data), "--model.weights", str(run), "--out", str(again), "--steps", "1", *SHORT]) == 0
    assert json.loads((again / "weights.json").read_text())["kept"] == NAMES.split(",")
    assert load_info(again).spec == load_info(run).spec
    assert load_info(again).prep.mean == load_info(run).prep.mean


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["segformer", "mask2former-swin"])
def test_a_run_goes_on_without_its_source_and_ends_with_the_bytes_of_one_that_was_not_stopped(
    kind, data, tmp_path, monkeypatch
):
    from segue.train import loop

    def fit(out):
        options = ["--steps", "4", "--train.checkpoint-every", "2", *SHORT]
        return main(["fit", str(data), "--model.weights", str(source), "--out", str(out), *options])

    source = from_transformers(kind)(tmp_path)
    assert fit(tmp_path / "whole") == 0
    original, steps = loop.training_step, []

    def stop_at_the_third(*arguments):
        steps.append(1)
        if len(steps) == 3:
            raise InterruptedRunError("stopped", 2)
        return original(*arguments)

    monkeypatch.setattr(loop, "training_step", stop_at_the_third)
    assert fit(tmp_path / "stopped") == 130
    monkeypatch.undo()
    shutil.rmtree(source)
    assert main(["fit", "--resume", str(tmp_path / "stopped")]) == 0
    weights = [load_file(tmp_path / run / "model/model.safetensors") for run in ("whole", "stopped")]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.slow
def test_scratch_takes_the_network_of_a_source_and_none_of_its_weights(data, tmp_path):
    source = from_smp(tmp_path)
    options = ["--model.weights", str(source), "--transfer.mode", "scratch", "--steps", "1", *SHORT]
    assert main(["fit", str(data), "--out", str(tmp_path / "run"), *options]) == 0
    assert load_info(tmp_path / "run").spec.decoder == "smp:fpn"
    assert json.loads((tmp_path / "run/weights.json").read_text())["source"]["name"].startswith("none")


def test_another_encoder_beside_a_whole_network_is_wrong_usage(data, tmp_path, capsys):
    source = from_smp(tmp_path)
    assert main(["fit", str(data), "--model.weights", str(source), "--model.encoder", "resnet18", *SHORT]) == 2
    assert "leave --model.encoder out" in capsys.readouterr().err


@pytest.mark.slow
def test_lora_the_other_modes_and_lr_find_take_a_whole_network(data, tmp_path):
    source = from_transformers("segformer")(tmp_path)
    for mode in ("lora", "gradual", "frozen", "tune-last"):
        options = ["--model.weights", str(source), "--transfer.mode", mode, "--steps", "2", *SHORT]
        assert main(["fit", str(data), "--out", str(tmp_path / mode), *options]) == 0
        assert load_info(tmp_path / mode).spec.encoder == "transformers:segformer"
    options = ["--model.weights", str(source), "--out", str(tmp_path / "rates"), "--steps", "20", *SHORT]
    assert main(["lr-find", str(data), *options]) == 0
