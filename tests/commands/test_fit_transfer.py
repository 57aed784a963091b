"""What the transfer methods leave behind: plain model folders and records; one line for what does not go together."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from fakes import write_folders
from segue.cli import main, parse
from segue.models.build import ModelSpec, build

TINY = [
    "--model.encoder", "test_resnet", "--model.decoder", "fcn", "--data.size", "32x32", "--optim.batch", "2",
    "--train.validations", "2", "--train.threads", "1", "--train.precision", "fp32",
]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("transfer")
    write_folders(root / "data")
    torch.manual_seed(3)
    save_file(build(ModelSpec("test_resnet", "fcn", 3, 2)).encoder.net.state_dict(), root / "encoder.safetensors")
    return root


def fit(place, out, *options):
    weights = ["--model.weights", str(place / "encoder.safetensors")]
    assert main(["fit", str(place / "data"), "--out", str(out), *TINY, *weights, *options]) == 0
    return out


def test_a_run_with_lora_leaves_a_plain_model_and_says_what_trained(place, tmp_path, capsys):
    run = fit(place, tmp_path / "run", "--transfer.mode", "lora", "--transfer.rank", "2", "--steps", "6")
    assert "LoRA of rank 2 on " in capsys.readouterr().err
    plain = build(ModelSpec("test_resnet", "fcn", 3, 4))
    with safe_open(run / "model" / "model.safetensors", "pt") as file:
        assert set(file.keys()) == set(plain.state_dict())
        merged = file.get_tensor("encoder.net.layer4.0.downsample.1.weight")
        statistics = file.get_tensor("encoder.net.layer4.0.downsample.2.running_mean")
    with safe_open(place / "encoder.safetensors", "pt") as file:
        assert not torch.equal(file.get_tensor("layer4.0.downsample.1.weight"), merged)
        assert torch.equal(file.get_tensor("layer4.0.downsample.2.running_mean"), statistics)
    assert (run / "evaluation.json").is_file()


def test_an_interpolated_run_records_every_share_and_keeps_the_best(place, tmp_path):
    options = ["--transfer.interpolate", "auto", "--transfer.head-fraction", "0.5", "--optim.encoder-lr", "0.01"]
    run = fit(place, tmp_path / "run", *options, "--steps", "8", "--optim.lr", "0.01")
    record = json.loads((run / "interpolation.json").read_text())
    assert record["shares"] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert max(record["miou"]) == record["miou"][record["shares"].index(record["kept"])]
    model = json.loads((run / "model" / "model.json").read_text())
    assert model["scores"]["miou"] == max(record["miou"])
    assert "of the way from head phase to final weights kept" in (run / "report.html").read_text()


@pytest.mark.slow
def test_a_share_of_one_is_the_run_without_interpolation(place, tmp_path):
    plain = fit(place, tmp_path / "plain", "--transfer.head-fraction", "0.5", "--steps", "4")
    options = ["--transfer.interpolate", "1", "--transfer.head-fraction", "0.5", "--steps", "4"]
    mixed = fit(place, tmp_path / "mixed", *options)
    weights = [(run / "model" / "model.safetensors").read_bytes() for run in (plain, mixed)]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--train.device", "cpu", "--train.precision", "fp16"], "fp16: expected a CUDA device, got cpu"),
        (["--optim.encoder-lr", "1e-4", "--transfer.encoder-rate", "0.5"], "got both"),
        (["--transfer.mode", "partial", "--transfer.frozen-stages", "9"], "transfer.frozen_stages: expected at most"),
    ],
)
def test_what_does_not_go_together_costs_one_line(place, tmp_path, capsys, options, message):
    arguments = ["fit", str(place / "data"), "--out", str(tmp_path / "run"), "--data.size", "32x32"]
    assert main([*arguments, "--transfer.mode", "scratch", "--model.encoder", "test_resnet", *options]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("segue: ")
    assert message in error
    assert not (tmp_path / "run").exists()


def test_the_rates_of_decoder_and_encoder_are_said_before_the_work_starts(place, tmp_path, capsys):
    arguments = ["fit", str(place / "data"), *TINY, "--dry-run", "--optim.lr", "1e-3"]
    assert main([*arguments, "--optim.encoder-lr", "2e-5"]) == 0
    assert "rates 0.001 and 2e-05 (encoder)" in capsys.readouterr().err
    assert main([*arguments, "--transfer.encoder-rate", "0.3"]) == 0
    assert "rates 0.001 and 0.0003 (encoder)" in capsys.readouterr().err


def test_one_way_to_set_the_encoders_rate_replaces_the_other_in_a_file(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("optim: {lr: 0.01, encoder_lr: 0.001}")
    config = parse(["fit", "data", "--config", str(path), "--transfer.encoder-rate", "0.5"])[1]
    assert (config.optim.lr, config.optim.encoder_lr, config.transfer.encoder_rate) == (0.01, None, 0.5)
    path.write_text("transfer: {encoder_rate: 0.5, layer_decay: 0.9}")
    config = parse(["fit", "data", "--config", str(path), "--optim.encoder-lr", "1e-4"])[1]
    assert (config.optim.encoder_lr, config.transfer.layer_decay) == (1e-4, 0.9)
