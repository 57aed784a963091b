"""`segue style train --text`: a decoder that follows words, from the command line to painted pictures without CLIP."""

import json
import os
import shutil
import signal

import pytest
import torch

import segue
from segue.cli import main
from segue.durable import sha256_of
from segue.style import own
from segue.style.adain_network import AdainNetwork
from segue.style.autoencoder import Shape
from segue.style.model_folder import load_style_model, save_style_model
from segue.style.picture import read_picture
from segue.train import style_loop, style_trial
from tiny_clip import write_clip
from tiny_painter import folder_of_photos, painter


@pytest.fixture
def folder(tmp_path):
    """Photos, a tiny CLIP, and a tiny network for any style."""
    folder_of_photos(tmp_path)
    write_clip(tmp_path / "clip")
    torch.manual_seed(0)
    save_style_model(tmp_path / "any" / "model", AdainNetwork(Shape(widths=(8, 12, 16), blocks=1)))
    return tmp_path


def command(folder, *words, out="run", text="red glass, by night"):
    asked = ["--text", text, "--clip", str(folder / "clip"), "--base", str(folder / "any"), "--patches", "3"]
    small = ["--size", "32", "--batch", "2", "--device", "cpu", "--out", str(folder / out)]
    return ["style", "train", str(folder / "photos"), *asked, *small, *words]


def weights_of(run):
    return (run / "model" / "model.safetensors").read_bytes()


def test_the_loss_falls_the_encoder_stays_and_the_model_tells_of_the_text(folder, capsys):
    assert main(command(folder, "--steps", "80", "--lr", "0.005")) == 0
    captured = capsys.readouterr()
    run = folder / "run"
    assert f"segue style apply PICTURES --model {run}\n" in captured.out
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert {"loss/content", "loss/patch", "loss/global", "loss/tv"} < set(rows[0])
    assert rows[-1]["loss"] < 0.7 * rows[0]["loss"]
    assert {row["lr"] for row in rows[1:]} == {0.005}, "after a short rise the rate stays, as published"
    assert (run / "samples.jpg").is_file()
    (network, info), (base, before) = load_style_model(run), load_style_model(folder / "any")
    assert (info.kind, info.names) == ("text", ("red glass, by night",))
    for name, tensor in base.state_dict().items():
        assert torch.equal(network.state_dict()[name], tensor) == (".encoder." in name), name
    told = info.trained
    assert (told["text"], told["source_text"], told["begun_from"]) == ("red glass, by night", "a photo", before.sha256)
    assert told["loss_weights"]["sha256"] == sha256_of(folder / "clip" / "model.safetensors")
    assert (told["loss_network"], len(told["templates"]), told["patches"], told["patch_weight"]) == (
        "clip:clip",
        20,
        3,
        10,
    )
    assert str(folder) not in json.dumps(json.loads((run / "model" / "model.json").read_text()))


def test_it_paints_without_clip_and_the_picture_tells_of_the_text(folder, capsys):
    assert main(command(folder, "--steps", "2")) == 0
    shutil.rmtree(folder / "clip")
    capsys.readouterr()
    words = ["--model", str(folder / "run"), "--out", str(folder / "out"), "--device", "cpu", "--json"]
    assert main(["style", "apply", str(folder / "photos"), *words]) == 0
    assert json.loads(capsys.readouterr().out)["styles"] == {"red glass, by night": 1.0}
    painted, photo = (read_picture(folder / name / "0.png") for name in ("out", "photos"))
    assert painted.shape == photo.shape
    record = segue.style_inspect(folder / "out" / "0.png").found.record
    assert record.styles[0].name == "red glass, by night"
    assert record.options["text"] == "red glass, by night"
    assert record.options["clip_sha256"] == load_style_model(folder / "run")[1].trained["loss_weights"]["sha256"]


def test_our_own_network_is_begun_with_unless_another_is_given(folder, capsys):
    words = command(folder, "--steps", "1")
    at = words.index("--base")
    assert main([*words[:at], *words[at + 2 :]]) == 0
    network, info = load_style_model(folder / "run")
    base, before = load_style_model(own.FOLDER)
    assert info.trained["begun_from"] == before.sha256
    assert network.numbers == base.numbers
    assert main(command(folder, "--steps", "1", "--base", str(folder / "run"), out="further", text="blue")) == 0


def test_the_steps_and_the_rate_are_the_published_ones(folder, capsys):
    assert main(command(folder, "--dry-run", "--json")) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["steps"], result["styles"]) == (200, ["red glass, by night"])
    assert (result["config"]["lr"], result["config"]["method"]) == (1e-4, "text")
    assert not (folder / "run").exists()


def test_a_run_that_was_stopped_goes_on_to_the_same_bytes_without_its_base(folder, capsys, monkeypatch):
    assert main(command(folder, "--steps", "6", out="whole")) == 0
    whole = style_loop.training_step

    def training_step(loop, batch):
        if loop.state.step == 3:
            monkeypatch.setattr(style_loop, "training_step", whole)
            os.kill(os.getpid(), signal.SIGTERM)
        return whole(loop, batch)

    monkeypatch.setattr(style_loop, "training_step", training_step)
    assert main(command(folder, "--steps", "6")) == 143
    shutil.rmtree(folder / "any")
    resume = ["style", "train", "--resume", str(folder / "run")]
    (folder / "clip").rename(folder / "kept")
    write_clip(folder / "clip", seed=1)
    capsys.readouterr()
    assert main(resume) == 1
    assert "expected the loss network this run began with, got another" in capsys.readouterr().err
    shutil.rmtree(folder / "clip")
    (folder / "kept").rename(folder / "clip")
    assert main(resume) == 0, capsys.readouterr().err
    assert weights_of(folder / "run") == weights_of(folder / "whole")
    for name in ("metrics.csv", "samples.jpg"):
        assert (folder / "run" / name).read_bytes() == (folder / "whole" / name).read_bytes(), name


def test_a_run_goes_on_with_the_same_tokenizer_and_the_same_settings_of_clip(folder, capsys, monkeypatch):
    """The weights are those it began with, and yet another CLIP: other words, another end, another scale of colours."""

    def dies(loop, stop):
        raise MemoryError("as if the process had been killed")

    monkeypatch.setattr("segue.commands.style_train.run_style_loop", dies)
    with pytest.raises(MemoryError):
        main(command(folder, "--steps", "1"))
    resume, clip = ["style", "train", "--resume", str(folder / "run")], folder / "clip"
    vocabulary = json.loads((clip / "vocab.json").read_text())
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]
    colours = {"image_mean": [0.4] * 3, "image_std": [0.5] * 3}
    sizes = json.loads((clip / "config.json").read_text())
    sizes["text_config"]["hidden_act"] = "gelu"
    changes = {
        "vocab.json": vocabulary,
        "preprocessor_config.json": colours,
        "config.json": sizes,
        "added_tokens.json": {},
    }
    for name, content in changes.items():
        kept = (clip / name).read_bytes() if (clip / name).is_file() else None
        (clip / name).write_text(json.dumps(content))
        capsys.readouterr()
        assert main(resume) == 1
        assert f"expected CLIP as this run began with it, got another {name}: put it back" in capsys.readouterr().err
        (clip / name).write_bytes(kept) if kept is not None else (clip / name).unlink()
    for name in ("vocab.json", "preprocessor_config.json"):
        (clip / name).write_text(json.dumps(changes[name]))
    assert main(resume) == 1
    assert "got another preprocessor_config.json, vocab.json: put it back" in capsys.readouterr().err


def test_seeds_and_minutes(folder, capsys):
    for out, seed in (("one", "1"), ("two", "1"), ("three", "2")):
        assert main(command(folder, "--steps", "2", "--seed", seed, out=out)) == 0
    one, two, three = (weights_of(folder / out) for out in ("one", "two", "three"))
    assert one == two != three
    capsys.readouterr()
    assert main([*command(folder, "--minutes", "0.1"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] >= 1


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--clip", ""], 2, "text: expected --clip beside it"),
        (["--clip", "nothing"], 1, "expected a folder with a CLIP network"),
        (["--text", "a photo"], 2, "expected words that CLIP can tell from 'a photo'"),
        (["--text", "   "], 2, "text: expected words, got blanks alone"),
        (["--text", "oil\x1b[31m"], 2, "got characters that cannot be printed"),
        (["--text", "oil " * 300], 2, "text: expected 1000 characters at most, got 1200"),
        (["--method", "adain"], 2, "method: expected none beside --text"),
        (["--style-weight", "3", "--preset", "vgg16"], 2, "style_weight, preset: expected style pictures beside it"),
        (["--add-to", "x"], 2, "add_to: expected style pictures beside it"),
        (["--base", "{}/photos"], 1, "expected a run or model folder of a style network"),
        (["--base", "{}/rows"], 1, "base: expected a network of kind adain or text, got cin"),
        (["--text", ""], 2, "clip: expected --text beside it"),
        (
            ["--text", "", "--clip", "", "--base", "", "--patches", "16", "--method", "text"],
            2,
            "expected words beside --meth",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_one_line_and_write_nothing(folder, capsys, words, code, message):
    save_style_model(folder / "rows" / "model", painter())
    given = command(folder, *(word.format(folder) for word in words))
    if "--method" in words and "text" in words:
        at = given.index("--base")
        given = [*given[:at], *given[at + 2 :]]
        at = given.index("--base")
        given = [*given[:at], *given[at + 2 :]]
    assert main(given) == code
    error = capsys.readouterr().err
    assert message in error
    assert [line for line in error.splitlines() if "none is held out" not in line] == [error.splitlines()[-1]]
    assert not (folder / "run").exists()


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"),
            "out of memory in a first step, before",
        ),
        (None, "as the loss at step 0, before anything was written: lower --lr or --style-weight"),
    ],
)
def test_a_first_step_that_cannot_be_timed_is_one_line(folder, capsys, monkeypatch, raised, message):
    if raised is not None:

        def training_step(loop, batch):
            raise raised

        monkeypatch.setattr(style_trial, "training_step", training_step)
    words = ["--minutes", "1", *(["--content-weight", "1e39"] if raised is None else [])]
    assert main(command(folder, *words)) == 4
    error = capsys.readouterr().err.splitlines()[-1]
    assert message in error
    assert "is saved" not in error
    assert not (folder / "run").exists()


def test_the_python_mirror_is_the_verb(folder):
    result = segue.style_train(
        folder / "photos",
        text="red glass",
        clip=folder / "clip",
        base=folder / "any",
        patches=2,
        out=folder / "run",
        size=32,
        batch=2,
        steps=1,
        device="cpu",
    )
    assert result.styles == ("red glass",)
    assert len(segue.style_apply(folder / "photos", model=folder / "run", out=folder / "out").painted) == 4
