"""`segue style train` and `segue style apply` from the command line to the pictures."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import segue
from segue.cli import main
from segue.durable import sha256_of
from segue.style.model_folder import load_style_model, save_style_model
from segue.style.network import Wanted
from segue.style.picture import eight_bits, read_picture, write_picture
from segue.style.presets import TRAIN_PRESETS
from segue.style.record import UsedStyle
from segue.style_configs import STYLE_TRAIN_PRESETS
from segue.train import style_loop
from tiny_painter import folder_of_photos, loss_weights, painter, textured
from tiny_style import picture


@pytest.fixture
def folder(tmp_path):
    """Photos, three styles, and random weights of VGG16 to relu2_1."""
    folder_of_photos(tmp_path)
    loss_weights(tmp_path / "vgg16.pth")
    for seed, name in enumerate(("wave", "night", "cry")):
        write_picture(tmp_path / f"{name}.png", textured(seed, 40, 52))
    return tmp_path


def command(folder, *words, styles=("wave", "night"), out="run"):
    network = [
        "--preset",
        "vgg16-relu3",
        "--weights",
        folder / "vgg16.pth",
        "--content-taps",
        "relu2_1",
        "--style-taps",
        "relu1_1,relu2_1",
    ]
    small = ["--width", "0.1"] if "--add-to" not in words else []
    paths = [folder / "photos", *(folder / f"{name}.png" for name in styles)]
    options = [*network, *small, "--size", "32", "--style-size", "48", "--batch", "2", "--device", "cpu"]
    return ["style", "train", *map(str, paths), "--out", str(folder / out), *map(str, options), *words]


def trained(folder, capsys, *words, **options):
    code = main([*command(folder, *words, **options), "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


def weights_of(run):
    return (run / "model" / "model.safetensors").read_bytes()


# --- training --------------------------------------------------------------------------------------------------------


def test_a_run_leaves_what_it_promises(folder, capsys):
    result = trained(folder, capsys, "--steps", "5", "--licences", "CC0-1.0,CC-BY-4.0")
    run = folder / "run"
    assert sorted(path.name for path in run.iterdir() if path.name != ".lock") == [
        "config.yaml",
        "data.json",
        "environment.json",
        "metrics.csv",
        "metrics.jsonl",
        "model",
        "samples.jpg",
    ]
    assert (result["styles"], result["steps"], result["photos"]) == (["wave", "night"], 5, 4)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5]
    assert set(rows[0]) == {"step", "images", "lr", "loss", "loss/content", "loss/style", "loss/tv", "seconds"}
    described = json.loads((run / "model" / "model.json").read_text())
    assert [(one["name"], one["licence"]) for one in described["styles"]] == [
        ("wave", "CC0-1.0"),
        ("night", "CC-BY-4.0"),
    ]
    assert described["styles"][0]["sha256"] == sha256_of(folder / "wave.png")
    assert described["trained"]["loss_weights"]["sha256"] == sha256_of(folder / "vgg16.pth")
    assert str(folder) not in json.dumps(described), "a model folder names no place on a machine"
    with Image.open(run / "samples.jpg") as sheet:
        assert sheet.width > 3 * 45, "a photo and two paintings beside each other"


def test_the_loss_falls_and_pictures_are_neither_grey_nor_black(folder, capsys):
    trained(folder, capsys, "--steps", "120", "--lr", "0.01")
    rows = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["loss"] < 0.7 * rows[0]["loss"]
    network, _ = load_style_model(folder / "run")
    for number in range(2):
        content = read_picture(folder / "photos" / f"{number}.png")
        for row in range(2):
            painted = network.stylise(content, network.prepared([Wanted(row=row)]))
            assert (painted.mean() - content.mean()).abs() < 0.2, "it keeps the brightness of the photo"
            assert painted.std() > 0.05


def test_the_same_seed_gives_the_same_bytes_and_another_others(folder, capsys):
    for out, seed in (("one", "3"), ("two", "3"), ("three", "4")):
        trained(folder, capsys, "--steps", "3", "--seed", seed, out=out)
    one, two, three = (weights_of(folder / out) for out in ("one", "two", "three"))
    assert one == two != three
    assert (folder / "one" / "metrics.csv").read_bytes() == (folder / "two" / "metrics.csv").read_bytes()


def stopping_at(monkeypatch, step, number=signal.SIGTERM):
    """A signal to this very process at a step, once."""
    whole = style_loop.training_step

    def training_step(loop, batch):
        if loop.state.step == step:
            monkeypatch.setattr(style_loop, "training_step", whole)
            os.kill(os.getpid(), number)
        return whole(loop, batch)

    monkeypatch.setattr(style_loop, "training_step", training_step)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(folder, capsys, monkeypatch, number, code):
    trained(folder, capsys, "--steps", "8", out="whole")
    stopping_at(monkeypatch, 4, number)
    assert main(command(folder, "--steps", "8")) == code
    error = capsys.readouterr().err
    assert "at step 5 of 8, state saved: continue with segue style train --resume" in error
    assert "Traceback" not in error
    assert not (folder / "run" / "model").exists()
    assert main(["style", "train", "--resume", str(folder / "run"), "--json"]) == 0, capsys.readouterr().err
    assert weights_of(folder / "run") == weights_of(folder / "whole")
    for name in ("metrics.csv", "samples.jpg"):
        assert (folder / "run" / name).read_bytes() == (folder / "whole" / name).read_bytes(), name


def test_a_run_that_was_killed_goes_on_from_its_last_resume_point(folder, capsys, monkeypatch):
    trained(folder, capsys, "--steps", "6", out="whole")
    whole = style_loop.training_step

    def dies(loop, batch):
        if loop.state.step == 3:
            raise MemoryError("as if the process had been killed")
        return whole(loop, batch)

    monkeypatch.setattr(style_loop, "training_step", dies)
    with pytest.raises(MemoryError):
        main(command(folder, "--steps", "6"))
    monkeypatch.setattr(style_loop, "training_step", whole)
    assert main(["style", "train", "--resume", str(folder / "run")]) == 0, capsys.readouterr().err
    assert weights_of(folder / "run") == weights_of(folder / "whole")


def test_a_complete_run_says_so(folder, capsys):
    trained(folder, capsys, "--steps", "2")
    before = weights_of(folder / "run")
    assert main(["style", "train", "--resume", str(folder / "run"), "--json"]) == 0
    captured = capsys.readouterr()
    assert "is complete" in captured.err
    assert json.loads(captured.out)["steps"] == 2
    assert weights_of(folder / "run") == before


def test_resuming_with_changed_files_is_refused(folder, capsys, monkeypatch):
    stopping_at(monkeypatch, 1)
    main(command(folder, "--steps", "4"))
    kept = (folder / "wave.png").read_bytes()
    write_picture(folder / "wave.png", picture(9, 20, 20))
    resume = ["style", "train", "--resume", str(folder / "run")]
    capsys.readouterr()
    assert main(resume) == 1
    assert "expected the style this run began with, got a changed file" in capsys.readouterr().err
    (folder / "wave.png").write_bytes(kept)
    photo = (folder / "photos" / "1.png").read_bytes()
    (folder / "photos" / "1.png").write_bytes(photo + b" ")
    assert main(resume) == 1
    assert (
        f"1.png: expected the photo this run began with, of {len(photo):,} bytes, got {len(photo) + 1:,}: put it back"
        in capsys.readouterr().err
    )
    (folder / "photos" / "1.png").unlink()
    assert main(resume) == 1
    assert "expected the pictures this run began with, got 1 missing" in capsys.readouterr().err
    assert main([*resume, "--steps", "9"]) == 2
    assert "--resume takes no other option" in capsys.readouterr().err


def test_a_run_of_before_lengths_were_noted_goes_on(folder, capsys, monkeypatch):
    stopping_at(monkeypatch, 1)
    main(command(folder, "--steps", "2"))
    record = json.loads((folder / "run" / "data.json").read_text())
    assert record.pop("bytes") == [Path(path).stat().st_size for path in (*record["photos"], *record["held_out"])]
    assert record.pop("guide_sha256") == {}
    (folder / "run" / "data.json").write_text(json.dumps(record))
    assert main(["style", "train", "--resume", str(folder / "run")]) == 0, capsys.readouterr().err


def test_a_loss_that_is_no_number_stops_with_one_line_and_a_saved_state(folder, capsys):
    assert main(command(folder, "--steps", "4", "--style-weight", "1e38", "--lr", "1")) == 4
    error = capsys.readouterr().err.splitlines()[-1]
    assert "segue: expected finite numbers, got" in error
    assert "the state before this step is saved; lower --lr or --style-weight" in error
    assert (folder / "run" / "checkpoints" / "manifest.json").is_file()


def test_minutes_set_the_steps(folder, capsys):
    result = trained(folder, capsys, "--minutes", "0.1")
    assert result["seconds"] < 12
    assert result["steps"] >= 3


def test_a_dry_run_writes_nothing(folder, capsys):
    before = sorted(folder.rglob("*"))
    result = trained(folder, capsys, "--dry-run")
    assert result["run"] is None
    assert result["steps"] == 4000
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--steps", "2", "--minutes", "1"], 2, "steps: expected --steps or --minutes"),
        (["--licences", "a"], 2, "licences: expected one for each of 2 styles, got 1"),
        (["--style-taps", "relu1_1,relu2_9"], 2, "has no tap 'relu2_9': did you mean"),
        (["--content-taps", "relu3_1"], 1, "got those up to relu2_1 alone"),
        (["--weights", "absent.pth"], 1, "expected a weights file, got nothing there"),
        (["--size", "16"], 2, "size: expected 32 to 2048"),
        (["--method", "gan"], 2, "method: expected one of cin"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(folder, capsys, words, code, message):
    for dry in ([], ["--dry-run"]):
        assert main(command(folder, *words, *dry)) == code
        assert message in capsys.readouterr().err
    assert not (folder / "run").exists()


def test_a_dry_run_names_what_only_the_hub_has_and_still_knows_names(folder, capsys):
    words = ["style", "train", str(folder / "photos"), str(folder / "wave.png"), "--dry-run"]
    assert main([*words, "--method", "predict"]) == 0
    assert "not looked at, since the hub has it: --weights, --predictor-weights" in capsys.readouterr().err
    for given in (["--method", "predict", "--predictor", "nonsense"], ["--network", "nonsense"]):
        assert main([*words, *given]) == 2
        assert "unknown encoder 'nonsense'" in capsys.readouterr().err


def test_presets_are_those_of_the_table():
    assert tuple(TRAIN_PRESETS) == STYLE_TRAIN_PRESETS


def test_a_photo_that_cannot_be_read_is_not_drawn_to_be_shown(folder, capsys):
    for number in range(4, 20):
        write_picture(folder / "photos" / f"{number}.png", picture(number, 40, 40))
    whole = trained(folder, capsys, "--steps", "1", out="whole")
    assert whole["photos"] == 17, "three of twenty are held out"
    held_out = json.loads((folder / "whole" / "data.json").read_text())["held_out"]
    (folder / "photos" / held_out[0].rsplit("/", 1)[-1]).write_bytes(b"no picture")
    assert trained(folder, capsys, "--steps", "1")["photos"] == 17, "it is passed over when its turn comes"
    shown = json.loads((folder / "run" / "data.json").read_text())["held_out"]
    assert len(shown) == 3
    assert held_out[0] not in shown


def test_wrong_places_are_said(folder, capsys):
    for words, code, message in (
        (["style", "train"], 2, "expected photos and one or more styles, got neither"),
        (["style", "train", str(folder / "photos")], 2, "got no style"),
        (["style", "train", str(folder / "absent"), str(folder / "wave.png")], 1, "expected a folder"),
        (["style", "train", str(folder / "photos"), str(folder / "no.png")], 1, "no.png"),
        (["style", "train", str(folder / "photos"), *[str(folder / "wave.png")] * 2], 2, "got wave twice"),
        (["style", "train", "--resume", str(folder / "photos")], 1, "expected a run of segue style train"),
    ):
        assert main(words) == code, words
        error = capsys.readouterr().err
        assert message in error
        assert "Traceback" not in error
    (folder / "run").mkdir()
    (folder / "run" / "mine.txt").touch()
    assert main(command(folder, "--steps", "1")) == 3
    assert "expected a new or empty folder, it holds mine.txt" in capsys.readouterr().err


# --- adding styles ---------------------------------------------------------------------------------------------------


def test_a_style_that_is_added_leaves_the_others_as_they_are_to_the_bit(folder, capsys):
    trained(folder, capsys, "--steps", "4")
    result = trained(folder, capsys, "--steps", "6", "--add-to", str(folder / "run"), styles=("cry",), out="more")
    assert result["styles"] == ["wave", "night", "cry"]
    (old, before), (new, after) = (load_style_model(folder / name) for name in ("run", "more"))
    assert after.trained["added_to"] == before.sha256
    content = read_picture(folder / "photos" / "0.png")
    for row in range(2):
        painted = [network.stylise(content, network.prepared([Wanted(row=row)])) for network in (old, new)]
        assert torch.equal(*painted)
    for name, tensor in new.state_dict().items():
        theirs = old.state_dict()[name]
        assert torch.equal(tensor[: len(theirs)] if "norms" in name else tensor, theirs), name
    rows = [json.loads(line) for line in (folder / "more" / "metrics.jsonl").read_text().splitlines()]
    assert any(not torch.equal(norm.gain[2], other) for norm in new.norms for other in norm.gain[:2])
    assert np.isfinite([row["loss"] for row in rows]).all()


def test_adding_goes_on_to_the_same_bytes_without_the_run_it_adds_to(folder, capsys, monkeypatch):
    trained(folder, capsys, "--steps", "2")
    words = ("--steps", "5", "--add-to", str(folder / "run"))
    trained(folder, capsys, *words, styles=("cry",), out="whole")
    stopping_at(monkeypatch, 2)
    assert main(command(folder, *words, styles=("cry",), out="more")) == 143
    (folder / "run").rename(folder / "gone")
    assert main(["style", "train", "--resume", str(folder / "more")]) == 0, capsys.readouterr().err
    assert weights_of(folder / "more") == weights_of(folder / "whole")


def test_adding_what_is_there_is_refused(folder, capsys):
    trained(folder, capsys, "--steps", "1")
    assert main(command(folder, "--add-to", str(folder / "run"), styles=("night",), out="more")) == 2
    assert "expected styles of different names, got night twice" in capsys.readouterr().err
    assert main([*command(folder, "--add-to", str(folder / "run"), styles=("cry",), out="more"), "--width", "1"]) == 2
    assert "width: expected none beside --add-to" in capsys.readouterr().err


# --- applying --------------------------------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path):
    """A network with three styles, and two photos, a JPEG and a PNG in a folder below."""
    styles = [UsedStyle(name, f"{name}.png", "CC0-1.0") for name in ("wave", "night", "cry")]
    save_style_model(tmp_path / "net" / "model", painter(), styles)
    (tmp_path / "in" / "below").mkdir(parents=True)
    write_picture(tmp_path / "in" / "a.jpg", picture(0, 140, 161))
    write_picture(tmp_path / "in" / "below" / "b.png", picture(1, 33, 50))
    return tmp_path


def apply(model, *words, pictures=("in",)):
    paths = [str(model / name) for name in pictures]
    where = ["--model", str(model / "net"), "--device", "cpu", "--precision", "fp32"]
    return ["style", "apply", *paths, *where, *(["--out", str(model / "out")] if "--out" not in words else []), *words]


def applied(model, capsys, *words, **options):
    code = main([*apply(model, *words, **options), "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


def test_a_folder_is_painted(model, capsys):
    result = applied(model, capsys, "--style", "night")
    assert [(one["height"], one["width"], one["tiled"]) for one in result["pictures"]] == [
        (140, 161, False),
        (33, 50, False),
    ]
    assert result["styles"] == {"night": 1.0}
    network = painter()
    found = read_picture(model / "out" / "below" / "b.png")
    expected = network.stylise(read_picture(model / "in" / "below" / "b.png"), network.prepared([Wanted(row=1)]))
    assert (found * 255 - torch.from_numpy(eight_bits(expected)).permute(2, 0, 1)[None]).abs().max() <= 1
    assert read_picture(model / "out" / "a.jpg").shape == (1, 3, 140, 161)


def test_the_same_command_gives_the_same_bytes(model, capsys):
    applied(model, capsys, "--style", "cry")
    first = (model / "out" / "a.jpg").read_bytes()
    applied(model, capsys, "--style", "cry", "--out", str(model / "again"))
    assert (model / "again" / "a.jpg").read_bytes() == first


def test_one_picture_goes_to_a_file_and_says_how_it_was_made(model, capsys):
    out = str(model / "painted.png")
    words = ("--style", "wave,cry", "--blend", "0.5,1.5", "--strength", "0.7", "--out", out)
    result = applied(model, capsys, *words, pictures=("in/a.jpg",))
    assert result["styles"] == {"wave": 0.25, "cry": 0.75}
    assert main(["style", "inspect", out, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["belongs"] is True
    record = found["record"]
    assert record["method"] == "style apply"
    assert [(one["name"], one["licence"]) for one in record["styles"]] == [("wave", "CC0-1.0"), ("cry", "CC0-1.0")]
    assert record["content_sha256"] == sha256_of(model / "in" / "a.jpg")
    assert record["model_sha256"] == sha256_of(model / "net" / "model" / "model.safetensors")
    assert record["options"]["shares"] == [0.25, 0.75]
    assert str(model) not in json.dumps(record)


def test_licences_that_are_given_win_and_a_watermark_can_be_left_out(model, capsys):
    applied(model, capsys, "--style", "wave", "--licences", "mine", "--no-watermark")
    assert main(["style", "inspect", str(model / "out" / "a.jpg"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["watermark"] is None
    assert found["record"]["styles"][0]["licence"] == "mine"


def test_strength_zero_gives_the_photo_back(model, capsys):
    applied(model, capsys, "--style", "wave", "--strength", "0", "--no-watermark", pictures=("in/below/b.png",))
    with Image.open(model / "in" / "below" / "b.png") as photo, Image.open(model / "out" / "b.png") as found:
        assert np.array_equal(np.asarray(photo), np.asarray(found))


def test_kept_colours_move_all_channels_alike(model, capsys):
    words = ("--style", "night", "--keep-colours", "luminance", "--strength", "0.2")
    applied(model, capsys, *words, pictures=("in/below/b.png",))
    photo, found = read_picture(model / "in" / "below" / "b.png"), read_picture(model / "out" / "b.png")
    moved = found - photo
    inside = (found > 0.02).all(1, keepdim=True) & (found < 0.98).all(1, keepdim=True)
    assert ((moved - moved.mean(1, keepdim=True)).abs() * inside).max() < 2.5 / 255
    assert moved.abs().mean() > 0.005


def test_large_pictures_are_painted_in_tiles_that_fit_together(model, capsys):
    write_picture(model / "in" / "large.png", picture(2, 300, 420))
    result = applied(model, capsys, "--style", "wave", "--tile", "256", "--no-watermark", pictures=("in/large.png",))
    assert result["pictures"][0]["tiled"] is True
    applied(
        model,
        capsys,
        "--style",
        "wave",
        "--tile",
        "0",
        "--no-watermark",
        "--out",
        str(model / "whole"),
        pictures=("in/large.png",),
    )
    tiled, whole = (read_picture(model / name / "large.png") for name in ("out", "whole"))
    assert (tiled - whole).abs().mean() < 0.03


def test_a_size_shrinks_the_picture_first(model, capsys):
    result = applied(model, capsys, "--style", "wave", "--size", "40", pictures=("in/a.jpg",))
    assert (result["pictures"][0]["height"], result["pictures"][0]["width"]) == (35, 40)


def test_a_file_that_is_no_picture_costs_itself_alone(model, capsys):
    (model / "in" / "c.png").write_bytes(b"no picture")
    assert main([*apply(model, "--style", "wave"), "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert len(result["pictures"]) == 2
    assert len(result["failed"]) == 1
    assert "c.png" in result["failed"][0]


def test_a_dry_run_of_apply_writes_nothing(model, capsys):
    result = applied(model, capsys, "--style", "wave", "--dry-run")
    assert [path.rsplit("/", 1)[-1] for path in result["planned"]] == ["a.jpg", "b.png"]
    assert not (model / "out").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "style: expected one of those the network knows, wave, night, cry, got none"),
        (["--style", "nigt"], 2, "got 'nigt': did you mean night?"),
        (["--style", "wave", "--blend", "1,2"], 2, "blend: expected a share for each of 1 styles, got 2"),
        (["--style", "wave,night", "--blend", "0,0"], 2, "blend: expected a share above 0, got none"),
        (["--style", "wave", "--blend", "-1"], 2, "blend: expected at least 0, got -1"),
        (["--style", "wave", "--strength", "1.2"], 2, "strength: expected 0 to 1, got 1.2"),
        (["--style", "wave", "--tile", "100"], 2, "tile: expected 0 or at least 256 pixels"),
        (["--style", "wave", "--out", "x.png"], 2, "out: expected a folder for 2 pictures"),
        (["--style", "wave", "--model", "absent"], 1, "absent: expected a run or model folder of a style network"),
    ],
)
def test_what_is_wrong_with_apply_is_one_line(model, capsys, words, code, message):
    assert main(apply(model, *words)) == code
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_a_picture_is_not_painted_over(model, capsys):
    assert main(apply(model, "--style", "wave", "--out", str(model / "in" / "a.jpg"), pictures=("in/a.jpg",))) == 2
    assert "expected another file than the picture that is read" in capsys.readouterr().err
    assert main(apply(model, "--style", "wave", "--out", str(model / "in"))) == 2


# --- from Python -----------------------------------------------------------------------------------------------------


def test_python_is_the_command_line(folder, capsys):
    options = {"width": 0.1, "size": 32, "style_size": 48, "batch": 2, "steps": 2, "preset": "vgg16-relu3"}
    with pytest.raises(segue.errors.WeightsError, match="up to relu3_1"):
        segue.style_train(
            folder / "photos", folder / "wave.png", out=folder / "run", weights=str(folder / "vgg16.pth"), **options
        )
    trained(folder, capsys, "--steps", "1")
    found = segue.style_apply(
        folder / "photos", model=folder / "run", style=("wave",), out=folder / "out", device="cpu"
    )
    assert len(found.painted) == 4
    assert found.exit_code == 0
    assert read_picture(found.painted[0].out).shape == read_picture(folder / "photos" / "0.png").shape
