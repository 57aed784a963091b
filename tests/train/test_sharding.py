"""`segue fit --train.shard` under torchrun: two real processes, each with its part of the weights."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from segue.cli import main
from segue.errors import UsageError
from segue.models.build import ModelSpec, build
from segue.train.checkpoint import load_newest
from segue.train.sharding import blocks, own, put, require_divisible, whole
from two_processes import OPTIONS, assert_same_model, assert_same_scores, last_row, run_script, said, torchrun

SHARDED = [*OPTIONS, "--train.shard"]


def test_blocks_are_called_modules_each_weight_in_at_most_one():
    model = nn.ModuleDict(
        {
            "lists": nn.ModuleList([nn.ModuleList([nn.Linear(4, 4), nn.Linear(1, 1)]), nn.Linear(4, 5)]),
            "apart": nn.Linear(9, 9),
            "nested": nn.Sequential(nn.Sequential(nn.Linear(4, 4), nn.Linear(3, 3))),
        }
    )
    found = blocks(model, 15)
    lists, nested = model["lists"], model["nested"]
    assert found == [lists[0][0], lists[1], nested[0][0]]
    assert blocks(model, 10_000) == []
    assert blocks(model, 12)[-2:] == [nested[0][0], nested[0][1]]


def test_what_is_not_in_parts_is_left_as_it_is():
    tensor = torch.arange(6.0).view(2, 3)
    assert own(tensor) is whole(tensor) is tensor
    put(tensor, torch.ones(2, 3))
    assert tensor.eq(1).all()
    with pytest.raises(AssertionError, match="does not fit"):
        put(tensor, torch.ones(3, 3))


def test_alone_there_is_nothing_to_share(data, one, tmp_path):
    run = tmp_path / "run"
    assert main(["fit", str(data), "--out", str(run), *SHARDED]) == 0
    model = Path("model") / "model.safetensors"
    assert (run / model).read_bytes() == (one / model).read_bytes()


def test_weights_that_many_blocks_share_are_in_none_of_them():
    tied = nn.Linear(4, 4)
    model = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), tied), nn.Sequential(nn.Linear(4, 4), tied)])
    assert blocks(model, 15) == [model[0][0], model[1][0]]


def test_a_single_number_among_the_weights_is_refused():
    model = nn.Sequential(nn.Linear(2, 2))
    require_divisible(model)
    model[0].gain = nn.Parameter(torch.tensor(1.0))
    with pytest.raises(UsageError, match=r"the single number 0\.gain"):
        require_divisible(model)


def test_fp16_is_refused(data, capsys):
    assert main(["fit", str(data), "--train.shard", "--train.precision", "fp16"]) == UsageError.exit_code
    assert "train.shard: expected bf16 or fp32, got fp16" in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_with_half_the_weights_each_give_what_one_gives(data, one, tmp_path):
    run = tmp_path / "run"
    output, errors, code = torchrun("fit", data, "--out", run, *SHARDED, "--json")
    assert code == 0, errors
    assert json.loads(output)["run"] == str(run)
    assert_same_model(run, one)
    assert_same_scores(run, one)


@pytest.mark.slow
@pytest.mark.parametrize(
    "transfer",
    [
        ("--transfer.mode", "gradual", "--transfer.unfreeze", "0.6", "--transfer.l2sp", "0.5"),
        ("--transfer.mode", "staged", "--transfer.interpolate", "0.5"),
        ("--transfer.mode", "lora", "--transfer.rank", "2"),
        ("--transfer.mode", "full", "--optim.micro-batches", "2", "--optim.clip-norm", "0.1"),
    ],
)
def test_what_a_transfer_method_remembers_is_shared_too(data, tmp_path, transfer):
    torch.manual_seed(5)
    weights = tmp_path / "encoder.safetensors"
    save_file(build(ModelSpec("test_resnet", "fcn", 3, 2)).encoder.net.state_dict(), weights)
    options = [*OPTIONS, "--model.weights", str(weights), *transfer]
    if "gradual" in transfer or "staged" in transfer:
        options += ["--transfer.head-fraction", "0.25"]
    assert main(["fit", str(data), "--out", str(tmp_path / "one"), *options]) == 0
    _, errors, code = torchrun("fit", data, "--out", tmp_path / "run", *options, "--train.shard", accident="term:1:5")
    assert code == 1
    assert "stopped by SIGTERM at step 6" in said(errors)[0]
    _, errors, code = torchrun("fit", "--resume", tmp_path / "run")
    assert code == 0, errors
    assert_same_model(tmp_path / "run", tmp_path / "one")


@pytest.mark.slow
def test_a_killed_process_ends_all_and_one_process_goes_on_from_the_last_resume_point(data, one, tmp_path):
    run = tmp_path / "run"
    _, errors, code = torchrun("fit", data, "--out", run, *SHARDED, accident="kill:1:5")
    assert code == 1
    (line,) = said(errors)
    assert "another of the processes" in line
    assert "segue/cli.py" not in errors  # the only traceback is torchrun's own
    assert load_newest(run / "checkpoints").state["step"] == 4  # a validation's: parts of later ones went with it
    assert main(["fit", "--resume", str(run)]) == 0
    assert_same_model(run, one)


@pytest.mark.slow
def test_a_loss_that_is_not_finite_is_saved_by_all(data, tmp_path):
    run = tmp_path / "run"
    _, errors, code = torchrun("fit", data, "--out", run, *SHARDED, accident="nan:1:5")
    assert code == 1
    (line,) = said(errors)
    assert "the loss is nan at step 5" in line
    assert load_newest(run / "checkpoints").state["step"] == 5


@pytest.mark.slow
def test_a_budget_is_kept(data, tmp_path):
    run = tmp_path / "run"
    _, errors, code = torchrun("fit", data, "--out", run, *SHARDED[2:], "--minutes", "0.5")
    assert code == 0, errors
    assert last_row(run)["step"] > 1


@pytest.mark.slow
def test_parts_are_half_of_everything_and_compute_what_the_whole_computes():
    networks = ("test_resnet+unet", "test_vit+fcn", "test_convnext2+segformer", "test_efficientnet+deeplabv3plus")
    output, errors, code = run_script("sharded_networks.py", *networks)
    assert code == 0, errors
    assert "Warning" not in errors
    lines = [json.loads(line) for line in output.splitlines()]
    assert len(lines) == 2
    for found in lines:
        shares = found.pop("held")
        assert shares.pop("gathered at most") < 0.8
        assert shares == pytest.approx(dict.fromkeys(("weights", "gradients", "moments"), 0.5), rel=0.05)
        assert set(found) == set(networks)
        for of_one in found.values():
            assert of_one == pytest.approx(dict.fromkeys(("gradients", "adamw", "adam", "sgd", "rmsprop"), 0), abs=1e-4)
