"""`segue style video`: clips through every kind of network, what is written and said, and what ends it early."""

import json
import os
import signal
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import segue
from segue.cli import main
from segue.commands import style_video
from segue.durable import sha256_of
from segue.style.attention_network import AttentionNetwork
from segue.style.autoencoder import Shape
from segue.style.model_folder import save_style_model
from segue.style.picture import write_picture
from segue.style.record import UsedStyle, read_record
from segue.style.record_text import unseal
from segue.style.text_network import TextNetwork
from segue.style.video.reading import VideoFile
from segue.style.video.writing import VideoWriter
from tiny_clip_frames import HEIGHT, WIDTH, encoded, moving, numbered
from tiny_painter import painter, textured
from tiny_style import picture

COUNT = 11
HERE = ("--device", "cpu", "--precision", "fp32", "--no-watermark")


@pytest.fixture
def folder(tmp_path):
    """A clip as a video and as frames, a network that knows three styles, one that takes any, and a picture."""
    encoded(tmp_path / "clip.mp4", moving(COUNT), sound="aac")
    numbered(tmp_path / "frames", moving(COUNT))
    save_style_model(tmp_path / "known", painter(), [UsedStyle(name, licence="CC0-1.0") for name in ("a", "b", "c")])
    torch.manual_seed(0)
    save_style_model(tmp_path / "attention", AttentionNetwork(Shape(widths=(8, 12, 16), blocks=1), "sanet"))
    write_picture(tmp_path / "wave.png", textured(0, 48, 64))
    return tmp_path


def painted(folder, capsys, clip, *words, code=0, here=HERE):
    found = main([*map(str, ("style", "video", folder / clip, *words)), *here, "--json"])
    captured = capsys.readouterr()
    assert found == code, captured.err
    return json.loads(captured.out)


def frames_in(path):
    return [frame.pixels for frame in VideoFile.of(path).frames()]


def test_a_video_becomes_one_with_its_rate_its_sound_and_a_record(folder, capsys):
    out = folder / "out.mp4"
    result = painted(
        folder, capsys, "clip.mp4", "--model", folder / "known", "--style", "a,b", "--blend", "3,1", "--out", out
    )
    assert (result["frames"], result["height"], result["width"], result["scenes"]) == (COUNT, HEIGHT, WIDTH, [0])
    assert result["styles"] == {"a": 0.75, "b": 0.25}
    found = VideoFile.of(out)
    assert (found.rate, found.sound, len(frames_in(out))) == (10, True, COUNT)
    beside = json.loads((folder / "out.mp4.json").read_text(encoding="utf-8"))
    record = unseal(json.dumps(beside["record"])).content
    assert record["content_sha256"] == sha256_of(folder / "clip.mp4")
    assert record["options"]["statistics"] == "clip"
    assert (beside["complete"], beside["watermark"]) == (True, None)


def test_the_record_of_a_clip_says_which_words_its_network_followed(folder, capsys):
    trained = {"text": "red glass, by night", "loss_weights": {"name": "clip", "licence": "MIT", "sha256": "ab"}}
    network = TextNetwork(Shape(widths=(8, 12, 16), blocks=1))
    save_style_model(folder / "words", network, [UsedStyle("red glass, by night", "text")], trained)
    painted(folder, capsys, "clip.mp4", "--model", folder / "words", "--out", folder / "out.mp4")
    beside = json.loads((folder / "out.mp4.json").read_text(encoding="utf-8"))
    options = unseal(json.dumps(beside["record"])).content["options"]
    told = {"kind": "text", "text": "red glass, by night", "clip": "clip", "clip_licence": "MIT", "clip_sha256": "ab"}
    assert {name: options[name] for name in told} == told


@pytest.mark.parametrize(
    "words",
    [("--model", "known", "--style", "c"), ("--model", "attention", "--style", "wave.png"), ("--style", "wave.png")],
    ids=["cin", "attention", "own"],
)
def test_frames_become_frames_for_every_kind_of_network(folder, capsys, words):
    given = [folder / word if (folder / word).exists() else word for word in words]
    result = painted(folder, capsys, "frames", *given, "--strength", "0.8", "--out", folder / "out")
    names = sorted(path.name for path in (folder / "out").iterdir())
    assert names == sorted(f"shot_{n}.png" for n in range(1, COUNT + 1))
    with Image.open(folder / "out" / "shot_5.png") as one, Image.open(folder / "frames" / "shot_5.png") as given:
        assert one.size == given.size
        assert np.abs(np.asarray(one).astype(int) - np.asarray(given)).mean() > 3
    assert set(result["stability"]["over_given"]) == {"clip", "frame"}
    assert result["stability"]["places"] == 3
    record = read_record(folder / "out" / "shot_5.png").record
    assert (record.method, record.options["frame"]) == ("style video", 5)
    assert record.content_sha256 == sha256_of(folder / "frames" / "shot_5.png")


def test_the_statistics_are_those_that_were_asked_for(folder, capsys):
    """The same frames in each clip: by one set they look alike only where the rest is alike, by their own always."""
    known = ("--model", folder / "known", "--style", "a", "--stability", "0")
    bright = numbered(folder / "bright", [*moving(COUNT)[:3], *[np.full((HEIGHT, WIDTH, 3), 250, np.uint8)] * 8])

    def first(clip, kind):
        painted(folder, capsys, clip, *known, "--statistics", kind, "--out", folder / "out")
        with Image.open(folder / "out" / "shot_1.png") as one:
            return np.asarray(one).astype(int)

    assert np.array_equal(first("frames", "frame"), first(bright, "frame"))
    assert np.abs(first("frames", "clip") - first(bright, "clip")).mean() > 1


def test_cuts_are_told_and_scenes_can_have_their_own(folder, capsys):
    numbered(folder / "two", [*moving(12, coarse=6), *[255 - one for one in moving(12, coarse=6)]])
    known = ("--model", folder / "known", "--style", "a")
    one, each = (
        painted(folder, capsys, "two", *known, "--statistics", kind, "--out", folder / kind)
        for kind in ("clip", "scene")
    )
    assert one["scenes"] == each["scenes"] == [0, 12]
    last = [np.asarray(Image.open(folder / kind / "shot_24.png")).astype(int) for kind in ("clip", "scene")]
    assert np.abs(last[0] - last[1]).mean() > 1
    words = ("style", "video", folder / "two", *known, "--out", folder / "more", "--stability", "0", *HERE)
    assert main([*map(str, words)]) == 0
    captured = capsys.readouterr()
    assert "hard cuts found: 1; --statistics scene gives each scene a set of its own" in captured.err
    assert "24 frames of 48 x 64 pixels, 2 scenes, painted in a 100%" in captured.out
    assert "stability: not measured: --stability 0" in captured.out


def test_words_blends_sizes_and_colours_are_those_of_style_apply(folder, capsys):
    result = painted(
        folder, capsys, "frames", "--text", "a cathedral's stained glass", "--keep-colours", "luminance",
        "--size", "41", "--out", folder / "out.mkv", "--rate", "5", "--quality", "30", "--samples", "2",
    )  # fmt: skip
    assert result["styles"] == {"stained-glass": 1.0}
    assert (result["height"], result["width"]) == (30, 40), "even, for a video"
    assert VideoFile.of(folder / "out.mkv").rate == 5


def test_every_frame_has_the_watermark_of_the_record_and_inspect_reads_it(tmp_path, capsys):
    wide = [
        np.asarray(255 * picture(1, 160, 200 + 4 * n)[0, :, :, 4 * n :].permute(1, 2, 0), np.uint8) for n in range(4)
    ]
    encoded(tmp_path / "clip.mp4", [np.ascontiguousarray(one[:, :200]) for one in wide])
    save_style_model(tmp_path / "known", painter(1), [UsedStyle("a")])
    words = ("--model", tmp_path / "known", "--out", tmp_path / "out.mp4", "--quality", "10")
    painted(tmp_path, capsys, "clip.mp4", *words, here=HERE[:4])
    number = json.loads((tmp_path / "out.mp4.json").read_text(encoding="utf-8"))["watermark"]
    assert main(["style", "inspect", str(tmp_path / "out.mp4"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["watermark"]["id"] == found["record_id"] == number
    assert found["belongs"] is True
    assert found["record"]["method"] == "style video"


# --- what ends it ----------------------------------------------------------------------------------------------------


def interrupt_at(monkeypatch, frames):
    """Send SIGINT once that many frames are written."""
    for kind in (VideoWriter, style_video.FrameFolder):
        whole = kind.add

        def add(self, *given, whole=whole):
            whole(self, *given)
            if self.written == frames:
                os.kill(os.getpid(), signal.SIGINT)

        monkeypatch.setattr(kind, "add", add)


@pytest.mark.parametrize(("out", "where"), [("out.mp4", "out.partial.mp4"), ("out", "out")])
def test_an_interrupted_clip_keeps_what_was_painted_and_says_how_much(folder, capsys, monkeypatch, out, where):
    interrupt_at(monkeypatch, 4)
    words = ("--model", folder / "known", "--style", "a", "--out", folder / out)
    told = painted(folder, capsys, "clip.mp4", *words, code=130)
    assert told["error"] == f"interrupted; 4 of {COUNT} frames are in {folder / where}"
    if where == "out":
        assert len(list((folder / "out").iterdir())) == 4
        return
    assert len(frames_in(folder / where)) == 4
    assert not (folder / "out.mp4").exists()
    assert json.loads((folder / f"{where}.json").read_text(encoding="utf-8"))["complete"] is False


def test_a_clip_that_changes_while_it_is_read_loses_nothing_that_was_painted(folder, capsys, monkeypatch):
    whole = style_video.survey

    def shortening(*given, **options):
        found = whole(*given, **options)
        encoded(folder / "clip.mp4", moving(5), sound="aac")
        return found

    monkeypatch.setattr(style_video, "survey", shortening)
    words = ("--model", folder / "known", "--style", "a", "--out", folder / "out.mp4")
    told = painted(folder, capsys, "clip.mp4", *words, code=1)
    assert f"expected the {COUNT} frames it had at first, it changed: 5 of {COUNT} frames are in" in told["error"]
    assert len(frames_in(folder / "out.partial.mp4")) == 5


def test_what_is_interrupted_before_the_first_frame_leaves_nothing(folder, capsys, monkeypatch):
    whole = style_video.survey

    def interrupted(*given, **options):
        found = whole(*given, **options)
        os.kill(os.getpid(), signal.SIGINT)
        return found

    monkeypatch.setattr(style_video, "survey", interrupted)
    words = ("--model", folder / "known", "--style", "a", "--out", folder / "new" / "out.mp4")
    told = painted(folder, capsys, "clip.mp4", *words, code=130)
    assert told["error"] == "interrupted before the first frame was painted"
    assert list((folder / "new").iterdir()) == []


@pytest.mark.parametrize(
    ("clip", "words", "code", "message"),
    [
        ("absent.mp4", [], 1, "expected a video or a folder of numbered frames, found no such file"),
        ("known", [], 1, "expected numbered frames"),
        ("clip.mp4", ["--rate", "5"], 2, "rate: expected none beside a video"),
        ("clip.mp4", ["--out", "{0}/clip.mp4"], 2, "out: expected another place than the clip"),
        ("frames", ["--out", "{0}/frames"], 2, "out: expected another place than the clip"),
        ("clip.mp4", ["--out", "out.gif"], 2, "out: expected a folder, or a video ending in .mp4, .mov or .mkv"),
        ("clip.mp4", ["--out", "{0}/known/model.json"], 2, "out: expected a folder, or a video"),
        ("clip.mp4", ["--blend", "1,2"], 2, "blend: expected a share for each of 1 styles, got 2"),
        ("clip.mp4", ["--style", "d"], 2, "style: expected one the network knows"),
        (
            "clip.mp4",
            ["--statistics", "frame", "--samples", "4"],
            2,
            "samples: expected none beside --statistics frame",
        ),
        ("clip.mp4", ["--quality", "4", "--out", "{0}/out"], 2, "rate, quality: expected neither for the folder"),
        ("frames", ["--rate", "5", "--out", "{0}/out"], 2, "rate, quality: expected neither for the folder"),
        ("clip.mp4", ["--out", "{0}/" + 260 * "x" + ".mp4"], 2, "out: expected a name that the system takes"),
        ("frames", ["--out", "{0}/" + 260 * "x"], 2, "out: expected a name that the system takes"),
        ("clip.mp4", ["--statistics", "none"], 2, "statistics: expected one of clip, scene, frame"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(folder, capsys, clip, words, code, message):
    before = sorted(folder.rglob("*"))
    given = [word.format(folder) for word in words]
    style = () if "--style" in words else ("--style", "a")
    assert main([*map(str, ("style", "video", folder / clip, "--model", folder / "known", *style, *given))]) == code
    captured = capsys.readouterr().err
    assert message in captured
    assert captured.count("\n") == 1
    assert sorted(folder.rglob("*")) == before


def test_a_frame_of_another_size_or_broken_is_told_before_anything_is_painted(folder, capsys):
    (folder / "frames" / "shot_9.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    words = ("--model", folder / "known", "--style", "a", "--out", folder / "out")
    assert "shot_9.png: expected a whole picture" in painted(folder, capsys, "frames", *words, code=1)["error"]
    write_picture(folder / "frames" / "shot_9.png", picture(0, 40, 64))
    assert "shot_9.png: expected the size of the first" in painted(folder, capsys, "frames", *words, code=1)["error"]
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("clip", "out", "style", "lost"),
    [
        ("frames", "album", "album/shot_3.png", "shot_3.png"),
        ("clip.mp4", "album", "album/frame-000002.png", "frame-000002.png"),
        ("long.partial.mp4", "long.mp4", "wave.png", "long.partial.mp4"),
    ],
)
def test_nothing_that_is_read_is_written_over(folder, capsys, clip, out, style, lost):
    (folder / "album").mkdir()
    write_picture(folder / "album" / "shot_3.png", textured(0, 48, 64))
    write_picture(folder / "album" / "frame-000002.png", textured(0, 48, 64))
    (folder / "clip.mp4").rename(folder / "long.partial.mp4")
    encoded(folder / "clip.mp4", moving(COUNT))
    told = painted(folder, capsys, clip, "--style", folder / style, "--out", folder / out, code=2)
    assert "out: expected to write over nothing that is read" in told["error"]
    assert lost in told["error"]


@pytest.mark.parametrize("clip", ["frames", "clip.mp4"])
def test_frames_of_another_clip_do_not_stay_among_the_painted_ones(folder, capsys, clip):
    words = ("--model", folder / "known", "--style", "a", "--stability", "0", "--out", folder / "out")
    painted(folder, capsys, clip, *words)
    painted(folder, capsys, clip, *words)
    write_picture(folder / "out" / "frame-000099.png", textured(0, 48, 64))
    before = {path: path.stat().st_mtime_ns for path in (folder / "out").iterdir()}
    told = painted(folder, capsys, clip, *words, code=2)
    assert "expected a folder without other numbered pictures, got frame-000099.png" in told["error"]
    assert {path: path.stat().st_mtime_ns for path in (folder / "out").iterdir()} == before


def test_frames_too_small_for_optical_flow_are_painted_and_not_measured(folder, capsys):
    """OpenCV's DIS ends the process on a side that is too small for its patches."""
    numbered(folder / "low", [frame[:14] for frame in moving(3)])
    result = painted(
        folder, capsys, "low", "--model", folder / "known", "--style", "a", "--size", "64", "--out", folder / "out"
    )
    assert (result["frames"], result["stability"]) == (3, None)
    assert result["not_measured"] == "a side of 14 pixels is below the 16 that optical flow takes"


def test_a_missing_extra_is_one_line(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    words = ("--model", folder / "known", "--style", "a", "--out")
    told = painted(folder, capsys, "clip.mp4", *words, folder / "out", code=1)
    assert told == {
        "error": 'this needs av, which is not installed: pip install "segue[video]"',
        "kind": "MissingPackageError",
        "exit_code": 1,
    }
    assert painted(folder, capsys, "frames", *words, folder / "out.mp4", code=1)["kind"] == "MissingPackageError"
    monkeypatch.setitem(sys.modules, "cv2", None)
    result = painted(folder, capsys, "frames", *words, folder / "out")
    assert (result["frames"], result["stability"]) == (COUNT, None)
    assert "cv2" in result["not_measured"]


def test_a_dry_run_says_what_would_be_and_writes_nothing(folder, capsys):
    before = sorted(folder.rglob("*"))
    assert main([*map(str, ("style", "video", folder / "clip.mp4", "--style", folder / "wave.png", "--dry-run"))]) == 0
    printed = capsys.readouterr().out
    assert printed == "stylised.mp4: 11 frames of 48 x 64 pixels in wave 100%\ndry run: nothing written\n"
    assert sorted(folder.rglob("*")) == before


def test_python_has_the_verb(folder):
    result = segue.style_video(
        folder / "frames",
        model=folder / "known",
        style="a",
        out=folder / "out.mp4",
        watermark=False,
        stability=1,
        precision="fp32",
    )
    assert (result.frames, result.steadiness.places) == (COUNT, 1)
    assert result.steadiness.painted["clip"].near >= 0


def test_all_that_is_wrong_with_the_options_is_told_at_once(folder, capsys):
    wrong = (
        "--style",
        "a",
        "--text",
        "stars",
        "--tile",
        "100",
        "--out",
        "x.gif",
        "--statistics",
        "frame",
        "--samples",
        "3",
    )
    assert main(["style", "video", str(folder / "clip.mp4"), *wrong]) == 2
    error = capsys.readouterr().err
    for told in (
        "text: expected --text or --style",
        "tile: expected 0 or at least 256",
        "out: expected a folder",
        "samples:",
    ):
        assert told in error
    assert error.count("\n") == 1
