"""Which styles and photos a training takes: doubles, files that cannot be read, styles of the bank, strips."""

import json
from pathlib import Path

import pytest
import torch

from segue.cli import main
from segue.commands import style_train
from segue.commands.style_train_files import files_of, require_same
from segue.errors import DataError, UsageError
from segue.style.bank.catalogue import draw, sha256_of_pixels
from segue.style.picture import write_picture
from segue.style_configs import StyleTrainConfig
from segue.train.style_data import Crops
from segue.train.style_record import SIDE
from tiny_painter import folder_of_photos, loss_weights, textured
from tiny_style import picture

TAPS = ["--preset", "vgg16-relu3", "--content-taps", "relu2_1", "--style-taps", "relu1_1,relu2_1"]
SMALL = ["--size", "32", "--batch", "2", "--steps", "2", "--device", "cpu"]


@pytest.fixture
def folder(tmp_path):
    """Photos, and two folders of styles that share a name."""
    folder_of_photos(tmp_path)
    loss_weights(tmp_path / "vgg16.pth")
    for number, place in enumerate(("old", "new")):
        (tmp_path / place).mkdir()
        write_picture(tmp_path / place / "wave.png", textured(number, 40, 52))
        write_picture(tmp_path / place / f"only-{place}.png", textured(5 + number, 40, 52))
    return tmp_path


def asked(folder, *styles, method="adain", **options):
    paths = tuple(Path(style) if style.startswith("bank:") else folder / style for style in styles)
    return StyleTrainConfig(photos=folder / "photos", styles=paths, method=method, **options)


def trained(folder, capsys, *words, styles=("old",), out="run"):
    names = [style if style.startswith("bank:") else str(folder / style) for style in styles]
    small = ["--width", "0.1", "--weights", str(folder / "vgg16.pth"), "--out", str(folder / out)]
    code = main(["style", "train", str(folder / "photos"), *names, *TAPS, *SMALL, *small, *words, "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out), captured.err


# --- styles ----------------------------------------------------------------------------------------------------------


def test_two_styles_may_have_one_name_where_styles_are_not_called_by_it(folder):
    assert [style.name for style in files_of(asked(folder, "old", "new")).styles].count("wave") == 2
    with pytest.raises(UsageError, match="expected styles of different names, got wave twice"):
        files_of(asked(folder, "old", "new", method="cin"))


def test_a_style_that_cannot_be_read_is_passed_over_and_counted(folder, capsys):
    (folder / "old" / "broken.png").write_bytes(b"no picture")
    whole = (folder / "new" / "wave.png").read_bytes()
    (folder / "new" / "cut.png").write_bytes(whole[: len(whole) // 2])  # its head says that it is one
    result, error = trained(folder, capsys, "--method", "adain", styles=("old", "new"))
    assert result["styles"] == ["only-old", "wave", "cut", "only-new", "wave"]
    assert "broken.png" in error
    assert "it is passed over" in error
    assert "1 of 6 styles cannot be read and are passed over" in error
    assert "cut.png" in error
    assert "Traceback" not in error


def test_a_named_style_that_shall_be_learned_must_be_there_and_one_of_a_folder_need_not(folder):
    (folder / "old" / "broken.png").write_bytes(b"no picture")
    assert [style.name for style in files_of(asked(folder, "old", method="cin")).styles] == ["only-old", "wave"]
    with pytest.raises(DataError, match=r"broken\.png"):
        files_of(asked(folder, "old/broken.png", "new", method="cin"))


def test_licences_stay_with_their_styles_when_one_is_passed_over(folder):
    (folder / "old" / "broken.png").write_bytes(b"no picture")
    found = files_of(asked(folder, "old", method="cin", licences=("lost", "CC0-1.0", "mine")))
    assert [(style.name, style.licence) for style in found.styles] == [("only-old", "CC0-1.0"), ("wave", "mine")]


def test_nothing_but_styles_that_cannot_be_read_is_refused(folder):
    for path in (folder / "old").iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(DataError, match="expected styles that can be read, got 2 that cannot"):
        files_of(asked(folder, "old"))


@pytest.mark.parametrize("method", ["cin", "adain"])
def test_a_style_of_the_bank_is_trained_on(folder, capsys, method):
    result, _ = trained(folder, capsys, "--method", method, styles=("bank:batik", "old"))
    assert result["styles"] == ["batik", "only-old", "wave"]
    data = json.loads((folder / "run" / "data.json").read_text())
    assert data["paths"][0] == "bank:batik"
    assert data["styles"][0]["sha256"] == sha256_of_pixels(draw("batik"))
    assert data["styles"][0]["licence"] == "CC0-1.0"


def test_a_run_with_a_style_of_the_bank_goes_on(folder, capsys, monkeypatch):
    whole, _ = trained(folder, capsys, "--method", "adain", styles=("bank:batik",), out="whole")
    step = style_train.run_style_loop

    def dies(loop, stop):
        raise MemoryError("as if the process had been killed")

    monkeypatch.setattr(style_train, "run_style_loop", dies)
    with pytest.raises(MemoryError):
        trained(folder, capsys, "--method", "adain", styles=("bank:batik",))
    monkeypatch.setattr(style_train, "run_style_loop", step)
    assert main(["style", "train", "--resume", str(folder / "run"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == whole["steps"]
    ours, theirs = ((folder / name / "model" / "model.safetensors").read_bytes() for name in ("run", "whole"))
    assert ours == theirs


def test_a_bank_that_draws_another_picture_is_said_when_going_on(folder, monkeypatch):
    found = files_of(asked(folder, "bank:batik"))
    require_same(found)
    monkeypatch.setattr("segue.commands.style_train_files.style_sha256", lambda path: "another")
    with pytest.raises(DataError, match="bank:batik: expected the style this run began with, got another"):
        require_same(found)


def test_a_name_the_bank_does_not_have_is_answered_with_the_nearest(folder, capsys):
    assert main(["style", "train", str(folder / "photos"), "bank:batig"]) == 2
    assert "did you mean batik" in capsys.readouterr().err


# --- photos ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(2, 4000), (4000, 2), (1, 1), (31, 9000)])
def test_a_strip_is_not_enlarged_as_a_whole(tmp_path, size):
    write_picture(tmp_path / "strip.png", picture(0, *size))
    crops = Crops([tmp_path / "strip.png"], 64, 0)
    crop = crops.at(0, 0)
    assert crop.shape == (3, 64, 64)
    kept = crops._kept[0]
    assert max(kept.shape[1:]) <= 8 * 64
    assert min(kept.shape[1:]) == 64


def test_a_panorama_that_need_not_be_enlarged_is_kept_whole(tmp_path):
    write_picture(tmp_path / "wide.png", picture(0, 40, 900))
    crops = Crops([tmp_path / "wide.png"], 32, 0)
    crops.at(0, 0)
    assert crops._kept[0].shape == (3, 40, 900)


def test_photos_for_samples_are_kept_at_the_size_they_are_shown(folder, capsys, monkeypatch):
    write_picture(folder / "photos" / "large.png", picture(0, 300, 700))
    kept = []
    sheet = style_train.sample_sheet

    def watched(network, photos, styles):
        kept.extend(tuple(photo.shape[2:]) for photo in photos)
        return sheet(network, photos, styles)

    monkeypatch.setattr(style_train, "sample_sheet", watched)
    for path in sorted((folder / "photos").iterdir())[:-1]:
        path.unlink()
    trained(folder, capsys, "--method", "adain")
    assert set(kept) == {(110, SIDE)}


def test_sizes_of_a_batch_are_drawn_for_each_step_and_again_the_same(tmp_path):
    paths = sorted(folder_of_photos(tmp_path).iterdir())
    crops = Crops(paths, 40, 7, smallest=0.5)
    sides = [crops.batch(step, 2).shape[2] for step in range(20)]
    assert len(set(sides)) > 8
    assert 20 <= min(sides) < 25
    assert 35 < max(sides) <= 40
    again = Crops(paths, 40, 7, smallest=0.5)
    assert torch.equal(again.batch(11, 2), crops.batch(11, 2))
