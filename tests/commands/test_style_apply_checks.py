"""`segue style apply`: what a dry run finds, what Ctrl-C leaves, commas in names; the functions beside the verbs."""

import dataclasses
import inspect
import json

import numpy as np
import pytest
import torch
from PIL import Image

import segue
from segue.cli import VERBS, main
from segue.commands import style_apply
from segue.conversion import convert
from segue.style.model_folder import save_style_model
from segue.style.picture import write_picture
from segue.style.record import UsedStyle, read_record
from tiny_painter import painter, textured
from tiny_style import picture

SIZE = (40, 52)
NAMES = [UsedStyle(name) for name in ("a", "b", "c")]
BY_CLASS = ("--by-class", "3={0}/wave.png, 7=keep")


@pytest.fixture
def folder(tmp_path):
    """Three photos with masks of two regions, a style, and a network."""
    for name in ("photos", "masks"):
        (tmp_path / name).mkdir()
    for number in range(3):
        write_picture(tmp_path / "photos" / f"{number}.png", picture(number, *SIZE))
        mask = np.full(SIZE, 3, np.uint8)
        mask[:, 26:] = 7
        Image.fromarray(mask).save(tmp_path / "masks" / f"{number}.png")
    write_picture(tmp_path / "wave.png", textured(0, 48, 64))
    save_style_model(tmp_path / "model", painter(), NAMES)
    return tmp_path


def ran(folder, capsys, *words):
    given = [str(word).format(folder) for word in words]
    code = main(["style", "apply", str(folder / "photos"), *given, "--out", str(folder / "out")])
    return code, capsys.readouterr()


# --- dry runs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("real", [False, True], ids=["dry", "real"])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--by-class", "3={0}/absent.png", "--masks", "{0}/masks"), "absent.png: expected a picture, found no such"),
        ((*BY_CLASS, "--segmenter", "{0}/model"), "model.json"),
        ((*BY_CLASS, "--segmenter", "{0}/absent"), "absent"),
        (("--model", "{0}/damaged", "--style", "a"), "model.safetensors"),
        (("--model", "{0}/masks", "--style", "a"), "expected a run or model folder of a style network"),
        (("--style", "{0}/absent.png"), "absent.png: expected a picture, found no such"),
    ],
    ids=["style of a class", "kind", "segmenter", "weights", "model", "style"],
)
def test_a_dry_run_is_told_what_a_run_is_told(folder, capsys, words, message, real):
    save_style_model(folder / "damaged", painter(), NAMES)
    weights = folder / "damaged" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    code, captured = ran(folder, capsys, *words, *(() if real else ("--dry-run",)))
    assert code in (1, 2)
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not (folder / "out").exists()


def test_a_dry_run_reads_the_masks(folder, capsys):
    (folder / "masks" / "1.png").write_bytes(b"nothing")
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(folder / "masks" / "2.png")
    code, captured = ran(folder, capsys, *BY_CLASS, "--masks", "{0}/masks", "--dry-run")
    assert code == 1
    assert "cannot be painted: " in captured.out
    assert "1.png: expected a PNG, JPEG, WebP, TIFF or BMP file" in captured.out
    assert "2.png: expected the size of" in captured.out
    assert not (folder / "out").exists()
    assert ran(folder, capsys, "--style", "{0}/wave.png", "--dry-run")[0] == 0


# --- Ctrl-C ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [0, 2])
def test_ctrl_c_says_how_many_pictures_were_written(folder, capsys, monkeypatch, whole):
    written = style_apply.write_marked

    def write(*given):
        if len(list((folder / "out").iterdir())) == whole:
            raise KeyboardInterrupt
        return written(*given)

    monkeypatch.setattr(style_apply, "write_marked", write)
    code, captured = ran(folder, capsys, "--model", "{0}/model", "--style", "b", "--no-watermark")
    assert code == 130
    last = folder / "out" / "1.png"
    expected = f"written are 2 of 3 pictures, the last {last}" if whole else "no picture was written"
    assert captured.err == f"segue: interrupted; {expected}\n"
    assert len(list((folder / "out").iterdir())) == whole


# --- names with commas -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sky=a.jpg, road=keep", ("sky=a.jpg", "road=keep")),
        ('sky="stars, blue.jpg", road=keep', ("sky=stars, blue.jpg", "road=keep")),
        ('"car, bus"=a.jpg,road="b,c"', ("car, bus=a.jpg", "road=b,c")),
        ('12" disc.jpg,14" disc.jpg', ('12" disc.jpg', '14" disc.jpg')),
        ('photo "1",a "b",c', ('photo "1"', 'a "b"', "c")),
        ('x= "a,b" , "c"', ("x=a,b", "c")),
        ('"a"', ("a",)),
        ("a,,b", ("a", "", "b")),
        ("", ("",)),
    ],
)
def test_quotes_keep_a_comma_in_a_name(text, expected):
    assert convert(tuple[str, ...], text, "names") == expected


def test_a_style_and_a_class_with_commas_are_painted(folder, capsys):
    (folder / "wave.png").rename(folder / "stars, blue.png")
    words = ("--by-class", '3="{0}/stars, blue.png", 7=keep', "--masks", "{0}/masks", "--no-watermark")
    code, captured = ran(folder, capsys, *words)
    assert (code, captured.err) == (0, "")
    assert read_record(folder / "out" / "1.png").record.options["by_class"] == ["3=stars, blue.png", "7=keep"]
    assert ran(folder, capsys, "--style", '"{0}/stars, blue.png"', "--no-watermark")[0] == 0


def test_a_video_is_sent_to_its_verb(folder, capsys):
    (folder / "clip.mp4").write_bytes(b"a video")
    assert main(["style", "apply", str(folder / "clip.mp4"), "--style", str(folder / "wave.png")]) == 2
    assert f"segue style video {folder / 'clip.mp4'} paints it" in capsys.readouterr().err


# --- Python ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb.startswith("style ")])
def test_the_functions_of_style_have_what_the_commands_have(verb):
    options = {field.name for field in dataclasses.fields(VERBS[verb][0])}
    taken = inspect.signature(getattr(segue, verb.replace(" ", "_"))).parameters
    assert set(taken) == options - {"json", "dry_run"}


def test_precision_and_threads_reach_the_network(folder):
    threads = torch.get_num_threads()
    result = segue.style_apply(
        folder / "photos", model=folder / "model", style="a", out=folder / "out", precision="bf16", threads=threads
    )
    assert (result.settings["precision"], result.settings["threads"]) == ("bf16", threads)
    json.dumps(result.to_json())
