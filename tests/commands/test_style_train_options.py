"""Options that one method has and another has not work, or are refused in one line; and runs that cannot go on."""

import json

import pytest
import torch
import yaml

from segue.cli import main
from segue.objectives.style.attention import AttentionRecipe, attention_objective
from segue.objectives.style.batch import StyleBatch
from segue.style.attention_network import AttentionNetwork
from segue.style.autoencoder import Shape
from segue.style.losses import total_variation
from segue.style.model_folder import load_style_model
from segue.style.picture import write_picture
from tiny_painter import folder_of_photos, loss_weights, textured
from tiny_style import TAPS, picture
from tiny_style import network as tiny_judge


@pytest.fixture
def folder(tmp_path):
    folder_of_photos(tmp_path)
    loss_weights(tmp_path / "vgg16.pth")
    write_picture(tmp_path / "wave.png", textured(0, 40, 52))
    return tmp_path


def command(folder, *words, out="run"):
    judge = ["--preset", "vgg16-relu3", "--weights", str(folder / "vgg16.pth"), "--style-taps", "relu1_1,relu2_1"]
    small = ["--size", "32", "--batch", "2", "--device", "cpu", "--out", str(folder / out)]
    return ["style", "train", str(folder / "photos"), str(folder / "wave.png"), *judge, *small, *words]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--method", "adain", "--encoder", "loss", "--width", "0.1"], "width: expected none beside --encoder loss"),
        (["--method", "adain", "--encoder", "loss", "--content-taps", "relu2_1"], "content_taps: expected none beside"),
        (["--method", "adaattn", "--content-taps", "relu2_1"], "content_taps: expected none beside --method adaattn"),
        (["--method", "sanet", "--tap-weights", "1,2"], "tap_weights: expected method cin or predict beside it"),
        (["--encoder", "loss"], "encoder: expected method adain or sanet or adaattn beside it, got cin"),
    ],
)
def test_an_option_without_effect_is_refused_in_a_line(folder, capsys, words, message):
    assert main(command(folder, *words)) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not (folder / "run").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["--method", "adain", "--content-taps", "relu2_1"],
        ["--method", "adain", "--encoder", "loss"],
        ["--method", "sanet", "--content-taps", "relu2_1"],
    ],
    ids=["own", "frozen", "attention"],
)
def test_a_training_begins_with_an_even_grey(folder, words):
    assert main(command(folder, *words, "--steps", "1", "--lr", "1e-6")) == 0
    network, _ = load_style_model(folder / "run" / "model")
    painted, _ = network.eval()(picture(0, 40, 52), picture(1, 40, 52))
    assert float(painted.mean()) == pytest.approx(0.5, abs=0.1)
    assert 0 < float(painted.std()) < 0.25


@pytest.mark.parametrize("method", ["sanet", "adaattn"])
def test_total_variation_counts_for_attention_where_it_is_asked_for(folder, capsys, method):
    words = ["--method", method, "--width", "0.1", "--steps", "1"]
    words += ["--content-taps", "relu2_1"] if method == "sanet" else []
    for out, more in (("with", ["--tv-weight", "2"]), ("without", [])):
        assert main(command(folder, *words, *more, out=out)) == 0, capsys.readouterr().err
        row = json.loads((folder / out / "metrics.jsonl").read_text().splitlines()[0])
        assert ("loss/tv" in row) == (out == "with")


def test_the_term_is_the_total_variation_of_what_is_painted():
    torch.manual_seed(0)
    network = AttentionNetwork(Shape(widths=(8, 12, 16), blocks=1))
    contents, styles = (torch.cat([picture(first + n, 24, 24) for n in range(2)]) for first in (0, 50))
    recipe = AttentionRecipe(TAPS[1:], TAPS, identity=0.0, tv_weight=3.0)
    terms = attention_objective(tiny_judge(), recipe)(network, StyleBatch(contents, styles))
    painted, _ = network(contents, styles)
    assert terms["tv"].item() == pytest.approx(3 * total_variation(painted).item(), rel=1e-5)


def test_taps_that_are_not_compared_need_not_be_in_the_file(folder, capsys):
    """The preset's content tap lies deeper than the weights reach."""
    assert main(command(folder, "--method", "adaattn", "--width", "0.1", "--steps", "1")) == 0, capsys.readouterr().err


# --- runs that cannot go on ------------------------------------------------------------------------------------------


@pytest.fixture
def begun(folder, monkeypatch):
    """A run of which the first resume point alone is there."""

    def dies(loop, stop):
        raise MemoryError("as if the process had been killed")

    monkeypatch.setattr("segue.commands.style_train.run_style_loop", dies)
    with pytest.raises(MemoryError):
        main(command(folder, "--content-taps", "relu2_1", "--width", "0.1", "--steps", "2"))
    return folder / "run"


def resumed(run, capsys):
    code, error = main(["style", "train", "--resume", str(run)]), capsys.readouterr().err
    assert "Traceback" not in error
    return code, error.splitlines()[-1]


def test_a_run_of_another_device_is_refused_where_that_is_absent(begun, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    config = yaml.safe_load((begun / "config.yaml").read_text())
    (begun / "config.yaml").write_text(yaml.safe_dump({**config, "device": "cuda"}))
    code, error = resumed(begun, capsys)
    assert code == 1
    assert "this run computes on cuda, which this machine does not have" in error
    assert "device: cpu" in error


def test_damaged_resume_points_are_answered_with_the_command_of_this_verb(begun, capsys):
    for path in (begun / "checkpoints").glob("*.safetensors"):
        path.write_bytes(b"damage")
    code, error = resumed(begun, capsys)
    assert code == 1
    assert "found none that is intact: start a new run with segue style train PHOTOS STYLE" in error


# --- odd paths -------------------------------------------------------------------------------------------------------


def replaced(words, at, value):
    return [*words[:at], value, *words[at + 1 :]]


def test_paths_that_lead_nowhere_are_one_line(folder, capsys):
    (folder / "circle").symlink_to(folder / "circle")
    words = command(folder, "--steps", "1")
    out = words.index("--out") + 1
    for wrong, code, message in (
        (replaced(words, 2, str(folder / "circle")), 1, "circle: expected a folder that can be read"),
        (replaced(words, 3, str(folder / "circle")), 1, "circle: expected"),
        (replaced(words, out, str(folder / ("x" * 300))), 2, "out: expected a name that the system takes"),
        (replaced(words, 3, ""), 2, "expected a path, got ''"),
        ([*words, "--more-photos", ""], 2, "expected a path, got ''"),
    ):
        assert main(wrong) == code
        error = capsys.readouterr().err
        assert message in error.splitlines()[-1]
        assert "Traceback" not in error
    assert not (folder / "run").exists()
