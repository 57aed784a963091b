"""Hugging Face data sets on disk: pictures leave them as the bytes they are, and nothing outside is read."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pytest
from pyarrow import parquet

from fake_layouts import hf_table, write_hf_disk, write_hf_hub
from fakes import scene, write_folders
from segue.data.formats import FORMATS, open_index
from segue.data.image import read_mask
from segue.data.split import split
from segue.errors import DataError, MissingPackageError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGUE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def hub(root: Path, table: arrow.Table, name: str = "train.parquet") -> Path:
    root.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, root / name)
    return root


def test_pictures_keep_their_bytes(tmp_path):
    index = open_index([write_hf_disk(tmp_path / "data", 6)])
    stored = {row["image"]["path"]: row for row in hf_table(list(range(6)), ("image", "label")).to_pylist()}
    for sample in index.samples:
        row = stored[sample.image.name]
        assert sample.image.read_bytes() == row["image"]["bytes"]
        assert sample.mask.read_bytes() == row["label"]["bytes"]
    assert [sample.id for sample in index.of("val")] == ["val/002", "val/005"]


def test_pictures_without_a_name_are_numbered_and_get_the_ending_of_what_they_are(tmp_path):
    index = open_index([write_hf_hub(tmp_path / "data", 6)])
    assert [sample.id for sample in index.of("train")] == [
        "train/000000",
        "train/000001",
        "train/000002",
        "train/000003",
    ]
    assert {sample.image.suffix for sample in index.samples} == {".jpg"}
    assert {sample.mask.suffix for sample in index.samples} == {".png"}


def test_a_second_reading_neither_needs_the_package_nor_writes_anything(tmp_path, cache, monkeypatch):
    root = write_hf_hub(tmp_path / "data")
    first = open_index([root])
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert open_index([root]) == first
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == before


def test_a_picture_that_is_gone_or_cut_short_is_put_back(tmp_path):
    root = write_hf_hub(tmp_path / "data")
    samples = open_index([root]).samples
    whole = samples[0].image.read_bytes()
    samples[0].image.write_bytes(whole[:50])
    samples[1].mask.unlink()
    assert open_index([root]).samples == samples
    assert (samples[0].image.read_bytes(), samples[1].mask.is_file()) == (whole, True)


def test_a_changed_file_is_read_anew(tmp_path):
    root = hub(tmp_path / "data", hf_table([0, 1, 2], ("image", "mask")))
    assert len(open_index([root]).samples) == 3
    hub(root, hf_table([3, 4], ("image", "mask")))
    assert [sample.id for sample in open_index([root]).samples] == ["train/003", "train/004"]


def test_without_the_package_the_error_is_the_pip_line(tmp_path, monkeypatch):
    root = write_hf_hub(tmp_path / "data")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingPackageError, match=r'pip install "segue\[hf\]"'):
        open_index([root])


@pytest.mark.parametrize(
    ("names", "fits"),
    [
        (("image", "mask"), True),
        (("label", "image"), True),
        (("photo_of_street", "segmentation"), True),
        (("img", "road_classes"), True),
        (("a", "b"), False),
        (("image", "pixel_values"), False),
        (("mask", "label"), False),
    ],
)
def test_columns_are_told_apart_by_their_names(tmp_path, names, fits):
    swapped = names[0] in ("label", "mask", "segmentation")
    table = hf_table([0, 1], names[::-1] if swapped else names)
    root = hub(tmp_path / "data", table)
    if fits:
        assert read_mask(open_index([root]).samples[0].mask).tolist() == scene(0)[1].tolist()
    else:
        with pytest.raises(DataError, match=r"expected a column of images and one of masks .* found pictures in"):
            open_index([root])


def test_other_columns_are_left_alone_and_plain_bytes_are_pictures(tmp_path):
    table = hf_table([0, 1], ("image", "mask"))
    cells = [[row["bytes"] for row in table.column(name).to_pylist()] for name in ("image", "mask")]
    plain = arrow.table({"image": cells[0], "mask": cells[1], "caption": ["a", "b"], "boxes": [[1, 2], [3]]})
    assert len(open_index([hub(tmp_path / "data", plain)]).samples) == 2
    with pytest.raises(DataError, match="found pictures in no column"):
        open_index([hub(tmp_path / "other", plain.select(["caption"]))])


def test_paths_are_followed_inside_the_data_only(tmp_path):
    folders = write_folders(tmp_path / "outside", 2)
    inside = write_folders(tmp_path / "data", 1)
    rows = [
        {"image": {"bytes": None, "path": "images/000.jpg"}, "mask": {"bytes": None, "path": "masks/000.png"}},
        {"image": {"bytes": None, "path": str(folders / "images/000.jpg")}, "mask": None},
        {"image": {"bytes": None, "path": "../outside/images/001.jpg"}, "mask": None},
        {"image": None, "mask": None},
    ]
    table = arrow.Table.from_pylist(rows, hf_table([0], ("image", "mask")).schema)
    root = hub(tmp_path / "set" / "data" / "..", table)
    for name in ("images", "masks"):
        (inside / name).rename(tmp_path / "set" / name)
    index = FORMATS["hf"].read(root.resolve(), "")
    assert [sample.id for sample in index.samples] == ["train/000"]
    assert [found.code for found in index.problems] == ["ANN_IMAGE"] * 3


def test_a_row_without_a_mask_is_an_unlabelled_image_and_names_may_repeat(tmp_path):
    table = hf_table([0, 1, 1], ("image", "mask"))
    rows = table.to_pylist()
    rows[0]["mask"] = None
    rows[2]["image"]["path"] = "../../x/.001.jpg"
    index = open_index([hub(tmp_path / "data", arrow.Table.from_pylist(rows, table.schema))])
    assert [(sample.id, sample.mask is None) for sample in index.samples] == [
        ("train/000", True), ("train/001", False), ("train/001-000002", False),
    ]  # fmt: skip
    assert [found.code for found in index.problems] == ["MASK_MISSING"]


def test_damaged_files_and_names_are_one_line(tmp_path):
    root = hub(tmp_path / "data", hf_table([0], ("image", "mask")))
    content = (root / "train.parquet").read_bytes()
    for damaged in (b"", content[:200], b"PAR1" + bytes(100)):
        (root / "train.parquet").write_bytes(damaged)
        with pytest.raises(DataError, match="expected a Parquet or Arrow file, cannot read it") as caught:
            open_index([root])
        assert "\n" not in str(caught.value)
    (root / "train.parquet").rename(root / "train.arrow")
    with pytest.raises(DataError, match="expected a Parquet or Arrow file"):
        open_index([root])
    names = write_hf_hub(tmp_path / "other")
    (names / "id2label.json").write_text(json.dumps({"0": "a", "7": "b"}))
    with pytest.raises(DataError, match="expected class names by number from 0, got the numbers 0, 7"):
        open_index([names])


def test_an_arrow_file_with_an_index_is_read_like_a_stream(tmp_path):
    table = hf_table([0, 1], ("image", "mask"))
    (tmp_path / "data").mkdir()
    with arrow.ipc.new_file(str(tmp_path / "data" / "test.arrow"), table.schema) as file:
        file.write_table(table)
    assert [sample.id for sample in FORMATS["hf"].read(tmp_path / "data", "").samples] == ["test/000", "test/001"]


# --- the real package ------------------------------------------------------------------------------------------------


@pytest.fixture
def datasets(tmp_path, monkeypatch):
    for name in ("HF_DATASETS_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "hf"))
    package = pytest.importorskip("datasets")
    package.disable_progress_bars()
    return package


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_what_datasets_saves_is_read_and_what_is_written_datasets_reads(tmp_path, datasets):
    source = open_index([write_folders(tmp_path / "folders", 5)])
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Image()})
    files = {"image": [str(s.image) for s in source.samples], "label": [str(s.mask) for s in source.samples]}
    saved = datasets.Dataset.from_dict(files, features=features)
    datasets.DatasetDict(train=saved.select(range(3)), test=saved.select([3, 4])).save_to_disk(tmp_path / "disk")
    index = open_index([tmp_path / "disk"])
    assert (index.format, len(index.of("train")), len(index.of("test"))) == ("hf", 3, 2)
    assert [s.image.read_bytes() for s in index.samples if s.id == "train/000"] == [
        source.samples[0].image.read_bytes()
    ]

    FORMATS["hf"].write(split(source, 0.4, 0), tmp_path / "written")
    data = datasets.load_dataset(str(tmp_path / "written"), cache_dir=str(tmp_path / "hf"))
    assert set(data) == {"train", "validation"}
    row = data["train"][0]
    mask = read_mask(source.samples[int(row["image"].filename[-7:-4]) if row["image"].filename else 0].mask)
    assert any(
        np.array_equal(np.asarray(one["mask"]), read_mask(sample.mask))
        for one in data["train"]
        for sample in source.samples
    )
    assert np.asarray(row["mask"]).shape == mask.shape


def test_arrays_are_no_pictures_for_this_layout(tmp_path):
    index = open_index([write_folders(tmp_path / "data")])
    array = tmp_path / "data" / "five.npy"
    np.save(array, np.zeros((48, 64, 5), np.uint8))
    given = replace(index, samples=(replace(index.samples[0], image=array), *index.samples[1:]))
    with pytest.raises(DataError, match=r"five\.npy: expected pictures for the layout hf, got an array"):
        FORMATS["hf"].write(given, tmp_path / "second")
    assert not (tmp_path / "second").exists()
