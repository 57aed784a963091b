from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest

from fakes import write_listing
from segue.data.formats import open_index
from segue.data.formats.listing import read_listing
from segue.data.grouping import groups
from segue.data.listing import Listing, columns, digest
from segue.data.split import held_out, split
from segue.errors import DataError, UsageError

PLACE = "segue.data.formats.listing"


def listed(path, text):
    path.write_text(text, encoding="utf-8")
    return read_listing(path)


@pytest.fixture
def lazily(monkeypatch):
    """Every listing stays a text whose rows become samples when asked for, three rows being looked at together."""
    monkeypatch.setattr(f"{PLACE}.MADE_AT_ONCE", 0)
    monkeypatch.setattr(f"{PLACE}.AT_ONCE", 3)


def test_rows_become_samples_with_paths_parts_and_groups(tmp_path):
    text = (
        'image,mask,split,group,weather\na/1.jpg,m/1.png,train,x,sun\n"b/2, too.png",,VALID,,\n/far/3.tif,m/3.png,,x,\n'
    )
    index = listed(tmp_path / "pairs.csv", text)
    one, two, three = index.samples
    assert (index.format, index.root) == ("listing", tmp_path)
    assert (one.id, one.image, one.mask) == ("a/1", tmp_path / "a/1.jpg", tmp_path / "m/1.png")
    assert (one.split, one.group) == ("train", "x")
    assert (two.id, two.mask, two.split, two.group) == ("b/2, too", None, "val", "b/2, too")
    assert (three.id, str(three.image), three.split, three.group) == ("far/3", "/far/3.tif", "", "x")


def test_paths_that_lead_out_of_the_folder_have_ids_without_dots(tmp_path):
    index = listed(
        tmp_path / "pairs.csv", "image,mask\n../up/a.png,m.png\n./b.png,m.png\nc//d.png,m.png\nmünster.png,m.png\n"
    )
    assert [sample.id for sample in index.samples] == ["up/a", "b", "c/d", "münster"]


def test_a_million_rows_are_the_samples_that_a_few_are(tmp_path, lazily, monkeypatch):
    names = [f"drive {n % 5}/frame_{n:03d}.png" for n in range(17)]
    text = "image,mask,split\n" + "".join(f"{name},m.png,{'val' if n % 4 else ''}\n" for n, name in enumerate(names))
    lazy = listed(tmp_path / "pairs.csv", text).samples
    assert isinstance(lazy, Listing)
    monkeypatch.setattr(f"{PLACE}.MADE_AT_ONCE", 100)
    made = read_listing(tmp_path / "pairs.csv").samples
    assert isinstance(made, tuple)
    assert tuple(lazy) == made
    assert (lazy[-1], list(lazy[3:5])) == (made[-1], list(made[3:5]))
    with pytest.raises(IndexError):
        lazy[17]
    for one, other in zip(dataclasses.astuple(columns(lazy)), dataclasses.astuple(columns(made)), strict=True):
        np.testing.assert_array_equal(one, other)
    again = pickle.loads(pickle.dumps(lazy))
    assert tuple(again) == made
    assert digest(again) == digest(lazy)


@pytest.mark.parametrize(
    "names",
    [
        ["a/1", "a/2", "b/3"],
        ["images/a/1", "images/a/2", "images/b/3"],
        ["Seq1_001", "Seq1_002", "Seq2_001", "portrait"],
        ["images/001", "images/002", "images/003"],
        ["train/one", "train/two"],
    ],
)
def test_groups_without_a_column_are_those_of_other_layouts(tmp_path, lazily, names):
    index = listed(tmp_path / "pairs.csv", "image,mask\n" + "".join(f"{name}.png,m.png\n" for name in names))
    folders = ["/".join(part for part in name.split("/")[:-1] if part not in ("images", "train")) for name in names]
    expected = groups(names, folders)
    assert [sample.group for sample in index.samples] == expected
    numbers = columns(index.samples).groups
    assert [[a == b for b in numbers] for a in numbers] == [[a == b for b in expected] for a in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("photo,mask\na.png,b.png\n", "expected a first line with the columns image and mask, got 'photo,mask'"),
        ("image,mask\na.png,b.png\nc.png\n", "line 3: expected 2 fields, got 1"),
        ("image,mask\na.png,b.png\n\nc.png,d.png\n", "line 3: expected 2 fields, got 0"),
        ("image,mask\na.png,b.png\n,b.png\n", "line 3: expected an image's path, got none"),
        ("image,mask,split\na.png,b.png,holdout\n", "line 2: expected train, val, test or nothing as split, got 'hold"),
        ("image,mask\na.png,b.png\nc.png,d.png\na.jpg,b.png\n", "line 4: .*got a of line 2 again: take one out"),
        ('image,mask\n"a\nb.png",m.png\n', "expected one line for each of 1 rows, got 2: take the line breaks out"),
        ('image,mask\n"a.png,m.png\n', "expected a CSV file in UTF-8, cannot read it"),
    ],
)
def test_a_listing_that_is_wrong_is_refused_with_its_line(tmp_path, lazily, text, expected):
    with pytest.raises(DataError, match=expected):
        listed(tmp_path / "pairs.csv", text)


def test_other_encodings_are_refused_a_mark_at_the_beginning_and_windows_lines_are_read(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_bytes("image,mask\nmünster.png,m.png\n".encode("latin-1"))
    with pytest.raises(DataError, match="expected a CSV file in UTF-8"):
        read_listing(path)
    path.write_bytes(b"\xef\xbb\xbfimage,mask\r\na.png,m.png\r\nb.png,n.png\r\n\r\n")
    assert [(sample.id, sample.mask.name) for sample in read_listing(path).samples] == [("a", "m.png"), ("b", "n.png")]


def test_a_file_is_given_as_the_only_path_and_takes_no_template(tmp_path):
    root = write_listing(tmp_path / "data")
    assert open_index([root / "samples.csv"]).samples == open_index([root]).samples
    with pytest.raises(UsageError, match="expected listing for a CSV file, got 'voc'"):
        open_index([root / "samples.csv"], "voc")
    with pytest.raises(UsageError, match="the listing says itself where masks are"):
        open_index([root / "samples.csv"], mask_name="{stem}_m")


def test_whole_groups_are_held_out_by_numbers_as_by_names():
    numbers = np.arange(1000) // 7
    held = held_out(numbers, 0.2, seed=3)
    assert held.sum() == pytest.approx(200, abs=3.5)
    for group in np.unique(numbers):
        assert len({*held[numbers == group].tolist()}) == 1
    assert (held_out(numbers, 0.2, seed=3) == held).all()
    assert (held_out(numbers, 0.2, seed=4) != held).any()
    assert np.flatnonzero(held_out(np.zeros(10, int), 0.3, seed=0)).tolist() in ([0, 1, 2], [7, 8, 9])


def test_numbers_hold_out_the_images_that_names_do_in_the_order_of_the_alphabet(tmp_path):
    rows = "".join(f"{n:03d}.png,m.png,g{n // 3:03d}\n" for n in range(60))
    index = listed(tmp_path / "pairs.csv", "image,mask,group\n" + rows)
    by_name = [sample.split == "val" for sample in split(index, 0.3, seed=5).samples]
    assert held_out(columns(index.samples).groups, 0.3, seed=5).tolist() == by_name
