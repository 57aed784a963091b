"""What is said of a picture: the record, the watermark, and whether they belong together."""

import hashlib
import io
import json
import sys

import numpy as np
import pytest
from PIL import Image

from marked_pictures import picture, png_with
from segue.cli import main
from segue.commands import style_inspect
from segue.errors import DataError, UsageError
from segue.style import record_text
from segue.style.record import StyleRecord, UsedStyle, write_marked
from segue.style_configs import StyleInspectConfig

RECORD = StyleRecord("adain", (UsedStyle("wave", "hokusai.jpg", "public domain"), UsedStyle("night")), "12" * 32)


def inspect(path):
    return style_inspect.run(StyleInspectConfig(path))


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_picture_as_it_was_written(tmp_path, name):
    write_marked(picture("scene"), tmp_path / name, RECORD)
    result = inspect(tmp_path / name)
    assert result.exit_code == 0
    assert result.belongs is True
    lines = result.lines()
    assert lines[0] == f"{tmp_path / name}:"
    assert lines[1].startswith("record: made with Segue ")
    assert "record: style wave from hokusai.jpg, licence public domain" in lines
    assert "record: style night, licence not stated" in lines
    assert lines[-1].startswith(f"watermark: {RECORD.number:06x}, held by ")
    assert lines[-1].endswith("it belongs to the record")
    plain = json.loads(json.dumps(result.to_json()))
    assert plain["belongs"] is True
    assert plain["record_id"] == plain["watermark"]["id"] == f"{RECORD.number:06x}"
    assert plain["record"]["styles"][0]["licence"] == "public domain"


def test_the_mark_is_left_when_the_metadata_are_gone(tmp_path):
    write_marked(picture("scene"), tmp_path / "a.png", RECORD)
    Image.fromarray(pixels_of(tmp_path / "a.png")).save(tmp_path / "b.jpg", quality=85)
    result = inspect(tmp_path / "b.jpg")
    assert (result.exit_code, result.belongs, result.to_json()["record"]) == (0, None, None)
    assert result.lines()[1].startswith("record: none")
    assert "made with Segue, by a run whose record has this id" in result.lines()[-1]


def test_a_record_of_another_picture_is_noticed(tmp_path):
    write_marked(picture("scene"), tmp_path / "a.png", RECORD)
    other = StyleRecord("wct", (UsedStyle("mine"),))
    write_marked(pixels_of(tmp_path / "a.png"), tmp_path / "b.png", other, watermark=False)
    result = inspect(tmp_path / "b.png")
    assert (result.exit_code, result.belongs) == (0, False)
    assert f"it belongs to another record than this one, whose id is {other.number:06x}" in result.lines()[-1]


@pytest.mark.parametrize(
    ("watermark", "said"),
    [
        (True, "none could be read, though one was written: the picture was cropped"),
        (False, "none, and none was written"),
    ],
)
def test_a_record_without_its_mark(tmp_path, watermark, said):
    write_marked(picture("scene"), tmp_path / "a.png", RECORD, watermark=watermark)
    cropped = pixels_of(tmp_path / "a.png")[30:, 30:]
    with Image.open(tmp_path / "a.png") as image:
        text = image.text["segue-style-record"]
    png_with(tmp_path / "b.png", text, pixels=cropped)
    result = inspect(tmp_path / "b.png")
    assert (result.exit_code, result.belongs, result.mark) == (0, None, None)
    assert result.lines()[-1].startswith(f"watermark: {said}")


def test_nothing_is_found_in_a_picture_of_others(tmp_path):
    Image.fromarray(picture("scene")[..., 0]).save(tmp_path / "grey.png")
    result = inspect(tmp_path / "grey.png")
    assert result.exit_code == 1
    assert result.lines()[0].endswith("no record and no watermark of Segue")
    assert {key: value for key, value in result.to_json().items() if value is not None} == {
        "image": str(tmp_path / "grey.png")
    }


def test_a_damaged_record_is_told_in_one_line(tmp_path):
    text = record_text.seal(RECORD.to_json(), marked=True).replace("public domain", "mine")
    result = inspect(png_with(tmp_path / "a.png", text))
    assert result.exit_code == 0
    assert len(result.lines()) == 3
    assert "changed after it was written" in result.lines()[1]
    assert "changed after it was written" in result.to_json()["problem"]


def test_text_in_a_picture_cannot_command_the_terminal(tmp_path):
    hostile = StyleRecord("adain", (UsedStyle("\x1b[2J\nrecord: all is well" + "a" * 1000),))
    write_marked(picture("scene"), tmp_path / "a.png", hostile)
    lines = inspect(tmp_path / "a.png").lines()
    assert all(line.isprintable() for line in lines)
    assert max(map(len, lines)) <= style_inspect.LONGEST_LINE + 1


def test_what_is_no_picture_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", picture("grey"))
    for path, message in (
        (tmp_path / "a.npy", "expected a picture, got an array"),
        (tmp_path / "no.png", "no such file"),
    ):
        with pytest.raises(DataError, match=message):
            inspect(path)
    with pytest.raises(UsageError, match="expected a picture, got none"):
        style_inspect.run(StyleInspectConfig())


def sealed(options_json):
    """A record whose check sum is right, with options as a stranger wrote them."""
    content = {"method": "x", "styles": [], "options": json.loads(options_json)}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    whole = {"format": "segue-style-record", "version": 1, "marked": False, "sha256": digest, "record": content}
    return json.dumps(whole, sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize(
    "options",
    ['{"a":' + "[" * 400 + "]" * 400 + "}", '{"a":{"b":1}}', '{"a":1e999}'],
    ids=["deep", "nested", "infinite"],
)
def test_options_that_no_record_has_are_a_damaged_record(tmp_path, capsys, options):
    png_with(tmp_path / "a.png", sealed(options))
    assert main(["style", "inspect", str(tmp_path / "a.png"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["record"] is None
    assert found["problem"]


def test_a_terminal_that_lacks_letters_gets_others(tmp_path, monkeypatch):
    record = StyleRecord("adain", (UsedStyle("名🖼" + "x" * 500),))
    write_marked(picture("scene"), tmp_path / "a.png", record)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    for line in inspect(tmp_path / "a.png").lines():
        line.encode("ascii")
