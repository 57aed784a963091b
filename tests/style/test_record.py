"""The record in a picture: what is written is read back, foreign text is passed over, damage is one line."""

import dataclasses
import errno
import json
import logging
import struct
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from marked_pictures import picture, png_with
from segue import __version__
from segue.errors import DataError, RunError, UsageError
from segue.style import record_text, watermark
from segue.style.exif_comment import LONGEST, PREFIX, comment_in, with_comment
from segue.style.record import FoundRecord, StyleRecord, UsedStyle, read_record, write_marked

RECORD = StyleRecord(
    method="adain",
    styles=(
        UsedStyle("Große Welle", "hokusai.jpg", "public domain", "ab" * 32),
        UsedStyle("星月夜", "https://example.org/night.png"),
    ),
    content_sha256="12" * 32,
    model_sha256="34" * 32,
    options={
        "alpha": 0.7,
        "preserve_colour": True,
        "weights": [0.5, 0.5],
        "seed": 3,
        "mask": None,
        "content": "straße.jpg",
    },
    date="2026-11-21",
)


def jpeg_with(path, exif):
    Image.fromarray(picture("grey", 16, 16)).save(path, exif=exif)
    return path


def text_in(path):
    with Image.open(path) as image:
        return image.text["segue-style-record"]


# --- written and read ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "A.JPEG"])
def test_a_record_is_read_back_as_it_was(tmp_path, name):
    assert write_marked(picture("scene"), tmp_path / name, RECORD) is True
    assert read_record(tmp_path / name) == FoundRecord(RECORD, RECORD.number, marked=True)
    with Image.open(tmp_path / name) as image:
        mark = watermark.read(np.asarray(image))
    assert mark is not None
    assert mark.number == RECORD.number
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_without_a_watermark_the_pixels_stay(tmp_path):
    pixels = picture("scene")
    assert write_marked(pixels, tmp_path / "a.png", RECORD, watermark=False) is False
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)
    assert read_record(tmp_path / "a.png") == FoundRecord(RECORD, RECORD.number, marked=False)


def test_a_picture_too_small_for_a_mark_gets_its_record_and_a_line_in_the_log(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("segue"), "propagate", True)
    assert write_marked(picture("grey", 90, 300), tmp_path / "a.png", RECORD) is False
    assert read_record(tmp_path / "a.png").record == RECORD
    assert "90 x 300 pixels are too few for a watermark" in caplog.text


def test_the_comment_of_a_jpeg_is_where_others_look_for_it(tmp_path):
    write_marked(picture("scene"), tmp_path / "a.jpg", RECORD)
    with Image.open(tmp_path / "a.jpg") as image:
        comment = image.getexif().get_ifd(0x8769)[0x9286]
    assert comment.startswith(b"ASCII\0\0\0{")
    assert json.loads(comment[8:])["record"]["method"] == "adain"


def test_a_record_says_version_and_day_by_itself():
    record = StyleRecord("optimise", ())
    assert record.segue_version == __version__
    assert abs(date.fromisoformat(record.date) - datetime.now(UTC).date()) <= timedelta(days=1)


def test_the_day_changes_no_mark():
    one, other = (dataclasses.replace(RECORD, date=day) for day in ("2026-01-01", "2026-01-02"))
    assert one.number == other.number != dataclasses.replace(RECORD, method="another").number


def test_another_record_has_another_number():
    assert dataclasses.replace(RECORD, method="wct").number != RECORD.number
    assert 0 <= RECORD.number < 2**24


@pytest.mark.parametrize("name", ["a.webp", "a.tif", "a"])
def test_other_kinds_of_files_are_refused(tmp_path, name):
    with pytest.raises(UsageError, match=r"expected a name that ends in \.png, \.jpg, \.jpeg, got"):
        write_marked(picture("scene"), tmp_path / name, RECORD)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_picture(tmp_path, monkeypatch):
    write_marked(picture("scene"), tmp_path / "a.png", RECORD)
    before = (tmp_path / "a.png").read_bytes()

    def full(self, path, **options):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(RunError, match="the previous file is untouched"):
        write_marked(picture("noise"), tmp_path / "a.png", RECORD)
    assert (tmp_path / "a.png").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": "a" * 40_000}, "expected a record of at most 32000 characters, got 4"),
        ({"alpha": float("nan")}, "expected text, finite numbers, true, false and lists of them in a record"),
        ({"path": {1, 2}}, "expected text, finite numbers, true, false and lists of them in a record"),
    ],
)
def test_records_that_do_not_fit_are_refused_before_anything_is_written(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        write_marked(picture("scene"), tmp_path / "a.png", dataclasses.replace(RECORD, options=options))
    assert list(tmp_path.iterdir()) == []


# --- foreign and damaged ---------------------------------------------------------------------------------------------


def test_metadata_of_others_are_passed_over(tmp_path):
    assert read_record(png_with(tmp_path / "a.png", "made by hand", "Comment")) == FoundRecord()
    assert read_record(png_with(tmp_path / "b.png", '{"format": "another record"}')) == FoundRecord()
    assert read_record(png_with(tmp_path / "c.png", '["segue-style-record"]')) == FoundRecord()
    assert read_record(jpeg_with(tmp_path / "a.jpg", with_comment("a walk in the hills"))) == FoundRecord()
    Image.fromarray(picture("grey")).save(tmp_path / "b.jpg")
    assert read_record(tmp_path / "b.jpg") == FoundRecord()


def test_a_record_is_found_whatever_its_place_is_called(tmp_path):
    write_marked(picture("scene"), tmp_path / "a.png", RECORD)
    assert read_record(png_with(tmp_path / "b.png", text_in(tmp_path / "a.png"), "Description")).record == RECORD


def test_fields_of_a_later_version_are_passed_over(tmp_path):
    content = {**RECORD.to_json(), "mood": "calm", "styles": [{"name": "wave", "year": 1831}]}
    found = read_record(png_with(tmp_path / "a.png", record_text.seal(content, marked=False)))
    assert found.record == dataclasses.replace(RECORD, styles=(UsedStyle("wave"),))
    assert found.problem == ""


SEALED = record_text.seal(RECORD.to_json(), marked=True)
DAMAGED = {
    "cut": (SEALED[:-40], "expected a record as JSON, cannot read it"),
    "changed": (SEALED.replace("public domain", "mine alone"), "it was changed after it was written"),
    "not a number": (SEALED.replace("0.7", "NaN"), "NaN is no number of JSON"),
    "deep": ('{"format":"segue-style-record","record":' + "[" * 20_000, "expected a record as JSON"),
    "long": (SEALED + " " * 32_000, "expected a record of at most 32000 characters"),
    "later": (SEALED.replace('"version":1', '"version":2'), "expected a record of version 1, got 2"),
    "no styles": (record_text.seal({"method": "adain"}, marked=True), "expected a list of styles in the record"),
    "no content": ('{"format":"segue-style-record","version":1,"record":[]}', "it was changed after it was written"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_record_is_one_line(tmp_path, damage):
    text, message = DAMAGED[damage]
    found = read_record(png_with(tmp_path / "a.png", text))
    assert found.record is None
    assert found.number is None
    assert message in found.problem
    assert "\n" not in found.problem


def test_a_missing_or_broken_picture_is_named(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing else")
    for name, message in (("none.png", "found no such file"), ("broken.png", "expected a whole picture")):
        with pytest.raises(DataError, match=message):
            read_record(tmp_path / name)


# --- EXIF by hand ----------------------------------------------------------------------------------------------------


def test_a_comment_longer_than_a_segment_is_refused():
    assert comment_in(with_comment("a" * (LONGEST - 52))) == "a" * (LONGEST - 52)
    with pytest.raises(ValueError, match=f"at most {LONGEST} bytes, got {LONGEST + 1}"):
        with_comment("a" * (LONGEST - 51))


def test_metadata_in_either_byte_order_are_read():
    directory = struct.pack(">HHHIII", 1, 0x8769, 4, 1, 26, 0), struct.pack(">HHHIII", 1, 0x9286, 7, 10, 44, 0)
    assert comment_in(PREFIX + b"MM\0*" + struct.pack(">I", 8) + b"".join(directory) + b"ASCII\0\0\0hi") == "hi"


@given(st.binary(max_size=80), st.integers(0, 80))
def test_damaged_metadata_never_raise(noise, place):
    whole = with_comment("a record of something")
    comment_in(noise)
    comment_in(whole[:place])
    comment_in(whole[:place] + noise + whole[place + len(noise) :])
