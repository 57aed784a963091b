"""A dot is the folder one is in, as everywhere; no path at all is another thing, and an empty one is neither."""

import dataclasses
import typing
from pathlib import Path

import pytest

import segue
from segue.cli import VERBS, main, parse
from segue.errors import UsageError
from segue.style.picture import write_picture
from tiny_clip_frames import moving, numbered
from tiny_style import picture

LONG = 260 * "x"  # letters, of which file systems take 255


def single(kind):
    """The names of the positional arguments that are one path each."""
    hints = typing.get_type_hints(kind)
    return [
        field.name
        for field in dataclasses.fields(kind)
        if field.metadata.get("positional") and hints[field.name] in (Path, Path | None)
    ]


TAKING = {verb: len(single(kind)) for verb, (kind, _) in VERBS.items() if single(kind)}
MORE = {  # what a verb wants besides
    "evaluate": ["."],
    "predict": ["."],
    "review": ["."],
    "style optimise": ["."],
    "style train": ["."],
}


@pytest.mark.parametrize("verb", TAKING)
def test_a_dot_is_never_told_to_be_nothing(verb, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    dry = ["--dry-run"] if any(field.name == "dry_run" for field in dataclasses.fields(VERBS[verb][0])) else []
    main([*verb.split(), *["."] * TAKING[verb], *MORE.get(verb, []), *dry])
    error = capsys.readouterr().err
    assert not error.startswith("segue: expected"), f"what is wrong with the folder is said with its name: {error}"
    assert list(tmp_path.iterdir()) == []


def test_the_verbs_of_style_and_compare_take_single_paths():
    assert {"compare", "style optimise", "style train", "style video", "style bank", "style export"} <= set(TAKING)
    assert {"style evaluate", "style inspect"} <= set(TAKING)


@pytest.mark.parametrize(
    ("verb", "message"),
    [
        ("style video", "expected a video or a folder of numbered frames, got none"),
        ("style bank", "expected a folder to write to, got none"),
        ("style inspect", "expected a picture, got none"),
        ("style optimise", "expected a picture and one or more styles, got neither"),
        ("style train", "expected photos and one or more styles, got neither"),
        ("style evaluate", "expected contents and styles, got fewer"),
        ("compare", "expected two runs, got fewer"),
    ],
)
def test_no_path_is_told_from_a_dot(verb, message, capsys):
    assert main(verb.split()) == 2
    assert message in capsys.readouterr().err


def test_numbered_frames_of_the_folder_one_is_in_are_painted(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(numbered(tmp_path / "clip", moving(3)))
    assert main(["style", "video", ".", "--style", "bank:batik", "--device", "cpu", "--stability", "0"]) == 0
    assert "stylised: 3 frames of 48 x 64 pixels" in capsys.readouterr().out
    assert len(list(Path("stylised").glob("shot_*.png"))) == 3


def test_the_bank_is_written_into_the_folder_one_is_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["style", "bank", ".", "--styles", "batik", "--size", "16"]) == 0
    assert [file.name for file in tmp_path.iterdir()] == ["batik.png"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["style", "bank", ""],
        ["style", "video", "clip.mp4", "--model", ""],
        ["style", "apply", "photo.jpg", "--out", ""],
        ["style", "apply", ""],
        ["predict", "run", "photo.jpg", "--out", ""],
    ],
    ids=" ".join,
)
def test_an_empty_text_is_no_path(arguments, capsys):
    assert main(arguments) == 2
    assert "expected a path, got ''" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["apply", "photo.png", "--style", "bank:batik", "--out", LONG], "out"),
        (["apply", "photo.png", "--style", "bank:batik", "--out", f"{LONG}.png"], "out"),
        (["optimise", "photo.png", "bank:batik", "--out", f"{LONG}.png"], "out"),
        (["optimise", "photo.png", "bank:batik", "--preview", f"{LONG}.png"], "preview"),
    ],
    ids=["folder", "picture", "optimised", "preview"],
)
def test_a_name_that_the_system_does_not_take_is_told_before_any_work(arguments, option, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_picture(tmp_path / "photo.png", picture(0, 48, 64))
    assert main(["style", *arguments]) == 2
    error = capsys.readouterr().err
    assert f"{option}: expected a name that the system takes, got xxx" in error
    assert len(error) < 250
    assert [file.name for file in tmp_path.iterdir()] == ["photo.png"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["apply", "photo.png", "--style", "bank:batik", "--out", "photo.png/painted"],
        ["apply", "photo.png", "--style", "bank:batik", "--out", "/proc/painted", "--dry-run"],
        ["bank", "photo.png/bank", "--dry-run"],
        ["video", "clip", "--style", "bank:batik", "--out", "photo.png/painted"],
        ["export", "--style", "bank:batik", "--out", "photo.png/net.onnx"],
    ],
    ids=" ".join,
)
def test_a_place_where_nothing_can_be_written_is_told_before_any_work(arguments, tmp_path, monkeypatch, capsys):
    if "/proc/painted" in arguments and not Path("/proc/self").exists():
        pytest.skip("a place where nobody can write is needed")
    monkeypatch.chdir(tmp_path)
    write_picture(tmp_path / "photo.png", picture(0, 48, 64))
    numbered(tmp_path / "clip", moving(3))
    assert main(["style", *arguments]) == 2
    assert "out: expected a folder that can be written, got " in capsys.readouterr().err
    assert sorted(file.name for file in tmp_path.iterdir()) == ["clip", "photo.png"]


@pytest.mark.parametrize("ending", [".png", ".jpg"])
def test_the_longest_name_that_a_file_can_have_is_written(ending, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_picture(tmp_path / "photo.png", picture(0, 48, 64))
    name = (255 - len(ending)) * "x" + ending
    assert main(["style", "apply", "photo.png", "--style", "bank:batik", "--out", name, "--device", "cpu"]) == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["photo.png", name]


@pytest.mark.parametrize(
    "arguments",
    [
        ["style", "apply", LONG, "--style", "bank:batik"],
        ["style", "apply", "photo.png", "--model", LONG],
        ["style", "train", ".", LONG],
        ["style", "inspect", LONG],
        ["predict", LONG, "photo.png"],
        ["fit", LONG, LONG],
    ],
    ids=lambda words: " ".join(words).replace(LONG, "LONG"),
)
def test_a_name_too_long_to_be_read_is_one_line(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_picture(tmp_path / "photo.png", picture(0, 48, 64))
    assert main(arguments) in (1, 2)
    lines = capsys.readouterr().err.splitlines()
    assert "expected" in lines[-1]
    assert "xxxx" in lines[-1]
    assert not any("Traceback" in line for line in lines)
    assert [file.name for file in tmp_path.iterdir()] == ["photo.png"]


def test_classes_that_are_all_kept_are_told_as_such(tmp_path, capsys):
    write_picture(tmp_path / "photo.png", picture(0, 48, 64))
    arguments = ["apply", str(tmp_path / "photo.png"), "--by-class", "sky=keep", "--masks", "mask.png"]
    assert main(["style", *arguments]) == 2
    assert "by_class: expected a style for some class, got classes that are kept only" in capsys.readouterr().err


def test_a_model_that_is_not_given_is_not_the_folder_one_is_in():
    assert parse(["style", "apply", "photo.jpg"])[1].model is None
    assert parse(["style", "apply", "photo.jpg", "--model", "."])[1].model == Path()


@pytest.mark.parametrize("empty", ["", None])
def test_python_takes_an_empty_text_for_none(empty, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_picture(tmp_path / "photo.png", picture(0, 48, 64))
    done = segue.style_apply("photo.png", model=empty, style="bank:batik", out="painted.png", device="cpu")
    assert [one.out for one in done.painted] == [Path("painted.png")]


def test_python_refuses_empty_texts_where_a_path_must_be(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_picture(tmp_path / "photo.png", picture(0, 48, 64))
    for call in (
        lambda: segue.style_apply("", style="bank:batik", out="painted"),
        lambda: segue.style_apply("photo.png", style="bank:batik", out=""),
        lambda: segue.style_optimise("photo.png", ""),
        lambda: segue.predict("run", ""),
        lambda: segue.style_apply("photo.png", style="bank:batik", out="a\0b"),
        lambda: segue.style_inspect("a\0b"),
    ):
        with pytest.raises(UsageError, match="expected a path, got '"):
            call()
    with pytest.raises(UsageError, match="style: expected a picture"):
        segue.style_apply("photo.png", style="", out="painted")
    assert [file.name for file in tmp_path.iterdir()] == ["photo.png"]


def test_python_takes_a_list_of_styles(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_picture(tmp_path / "photo.png", picture(0, 48, 64))
    done = segue.style_apply("photo.png", style=["bank:batik", "bank:mosaic"], out="painted.png", device="cpu")
    assert [one.out for one in done.painted] == [Path("painted.png")]
