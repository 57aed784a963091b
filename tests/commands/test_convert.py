"""`segue convert` from the command line to the files it leaves."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import segue
from fake_layouts import GENUINE, write_ade20k, write_coco, write_cvat, write_labelme
from fakes import save_image, write_binary, write_folders, write_split, write_tiles
from rasters import write_raster
from segue.cli import main, parse
from segue.data.formats import FORMATS, open_index
from segue.data.formats.labels import class_ids, settle
from segue.data.index import Index
from segue.data.inferring import infer_classes

FIXED = ("cityscapes", "ade20k", "coco_stuff")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGUE_CACHE", str(tmp_path / "cache"))


def convert(capsys, *arguments) -> dict:
    """Run the command with --json and return what it says."""
    code = main(["convert", *map(str, arguments), "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert code == printed.get("exit_code", 0)
    return printed


def named_labels(index: Index) -> list[bytes]:
    """The class name of every pixel of every mask, sorted, to compare two copies."""
    classes = settle(index)
    names = np.array([*classes.names, *[""] * (256 - len(classes))], "U40")
    return sorted(names[class_ids(sample, classes)].tobytes() for sample in index.samples if sample.mask)


@pytest.mark.parametrize("layout", GENUINE)
def test_any_layout_becomes_coco_and_coco_any_layout(tmp_path, capsys, layout):
    first = open_index([GENUINE[layout][1](tmp_path / "a")])
    printed = convert(capsys, tmp_path / "a", tmp_path / "b", "--to", "coco")
    assert (printed["source_format"], printed["format"], printed["images"]) == (first.format, "coco", 3)
    assert named_labels(open_index([tmp_path / "b"])) == named_labels(first)


@pytest.mark.parametrize("target", [name for name in FORMATS.names() if name not in FIXED])
def test_coco_becomes_any_open_layout_and_what_is_lost_is_said(tmp_path, capsys, target):
    root = write_coco(tmp_path / "a")
    printed = convert(capsys, root, tmp_path / "b", "--to", target)
    again = open_index([tmp_path / "b"])
    format = FORMATS[target]
    assert (again.format, len(again.samples), again.problems) == (target, 3, ())
    assert printed["classes"] == ["background", "disc", "box", "stripe"]
    assert printed["splits"] == {"train": 2, "val": 1}
    if format.splits:
        assert Counter(sample.split for sample in again.samples) == printed["splits"]
    if format.names and format.ignore:
        assert named_labels(again) == named_labels(open_index([root]))
    said = " ".join(printed["lost"])
    assert "single objects" in said
    assert ("the division into parts" in said) == (not format.splits)
    assert ("class names" in said) == (not format.names)
    assert ("pixels that are not labelled" in said) == (not format.ignore)


def test_names_that_the_layout_cannot_hold_are_kept_beside_for_fit(tmp_path, capsys):
    convert(capsys, write_coco(tmp_path / "a"), tmp_path / "b", "--to", "split")
    content = yaml.safe_load((tmp_path / "b" / "classes.yaml").read_text())
    assert content == {"data": {"names": ["background", "disc", "box", "stripe"]}}
    _, config = parse(["fit", str(tmp_path / "b"), "--config", str(tmp_path / "b" / "classes.yaml")])
    index = open_index(config.paths)
    assert infer_classes(index.samples, config.data.names).names == ("background", "disc", "box", "stripe")


def test_a_copy_in_the_same_layout_keeps_its_masks_and_counts_its_classes(tmp_path, capsys):
    first = open_index([write_ade20k(tmp_path / "a")])
    printed = convert(capsys, tmp_path / "a", tmp_path / "b", "--to", "ade20k")
    again = open_index([tmp_path / "b"])
    assert (len(printed["classes"]), printed["lost"]) == (150, [])
    assert [s.mask.read_bytes() for s in again.samples] == [s.mask.read_bytes() for s in first.samples]


def test_what_only_a_layout_says_becomes_part_of_the_masks(tmp_path, capsys):
    first = open_index([write_ade20k(tmp_path / "a")])
    convert(capsys, tmp_path / "a", tmp_path / "b", "--to", "voc")
    again = open_index([tmp_path / "b"])
    classes = settle(again)
    assert (class_ids(again.samples[0], classes)[:3] == 255).all()
    assert len(first.samples) == len(again.samples)


def test_plain_masks_are_copied_byte_for_byte(tmp_path, capsys):
    first = open_index([write_split(tmp_path / "a")])
    printed = convert(capsys, tmp_path / "a", tmp_path / "b", "--to", "camvid")
    again = open_index([tmp_path / "b"])
    assert sorted(s.mask.read_bytes() for s in again.samples) == sorted(s.mask.read_bytes() for s in first.samples)
    assert (printed["classes"], printed["lost"]) == (None, [])
    assert not (tmp_path / "b" / "classes.yaml").exists()


def test_classes_are_named_merged_and_dropped_on_the_way(tmp_path, capsys):
    root = write_folders(tmp_path / "a")
    options = ["--names", "ground,disc,box,stripe", "--merge", "thing=disc+box,ignore=stripe", "--val-fraction", "0.3"]
    printed = convert(capsys, root, tmp_path / "b", "--to", "yolo", *options)
    assert printed["classes"] == ["ground", "thing"]
    assert yaml.safe_load((tmp_path / "b" / "data.yaml").read_text())["names"] == {0: "ground", 1: "thing"}
    assert any("pixels that are not labelled: they become background" in text for text in printed["lost"])
    assert set(printed["splits"]) == {"train", "val"}


def test_published_colours_and_binary_masks(tmp_path, capsys):
    printed = convert(capsys, write_tiles(tmp_path / "a"), tmp_path / "b", "--to", "coco", "--palette", "dubai")
    assert printed["classes"] == ["Building", "Land", "Road", "Vegetation", "Water"]
    printed = convert(capsys, write_binary(tmp_path / "c"), tmp_path / "d", "--to", "labelme")
    assert printed["classes"] == ["background", "foreground"]
    assert named_labels(open_index([tmp_path / "d"])) == named_labels(open_index([tmp_path / "c"]))


def test_an_image_folder_and_a_mask_folder_are_a_source(tmp_path, capsys):
    root = write_folders(tmp_path / "a")
    (root / "images").rename(tmp_path / "photos")
    (root / "masks").rename(tmp_path / "drawings")
    printed = convert(capsys, tmp_path / "photos", tmp_path / "drawings", tmp_path / "b", "--to", "cvat")
    assert (printed["images"], printed["splits"]) == (6, {"none": 6})
    assert open_index([tmp_path / "b"]).format == "cvat"


def test_images_without_a_mask_are_counted(tmp_path, capsys):
    root = write_labelme(tmp_path / "a")
    (root / "000.json").unlink()
    printed = convert(capsys, root, tmp_path / "b", "--to", "coco")
    assert (printed["images"], printed["labelled"]) == (2, 2)
    assert "1 images without a mask" in printed["lost"]
    printed = convert(capsys, root, tmp_path / "c", "--to", "labelme", "--val-fraction", "0.4")
    assert (printed["images"], printed["lost"][-1]) == (2, "1 images without a mask")
    printed = convert(capsys, root, tmp_path / "d", "--to", "hf")
    assert (printed["images"], printed["labelled"]) == (3, 2)


def test_a_dry_run_counts_and_writes_nothing(tmp_path, capsys):
    root = write_coco(tmp_path / "a")
    printed = convert(capsys, root, tmp_path / "b" / "c", "--to", "yolo", "--dry-run")
    assert (printed["images"], printed["dry_run"]) == (3, True)
    assert not (tmp_path / "b").exists()
    assert main(["convert", str(root), str(tmp_path / "b"), "--to", "yolo", "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "coco to yolo: 3 images (2 in train, 1 in val), 3 labelled, 4 classes"
    assert lines[-1] == "dry run: nothing was written"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["a"], 2, "expected the data and a new folder"),
        (["a", "b"], 2, "expected a layout to write: --to with one of folders, split"),
        (["a", "b", "--to", "coko"], 2, "unknown format 'coko': did you mean coco"),
        (["a", "a/b", "--to", "coco"], 2, "lies inside it"),
        (["a", "full", "--to", "coco"], 1, "expected a new or empty folder"),
        (["a", "a_file", "--to", "coco"], 1, "expected a new or empty folder"),
        (["a", "a_file/b", "--to", "coco"], 1, "cannot be written"),
        (["a", "b", "--to", "voc"], 1, "needs a split for every image, 6 have none .*--val-fraction 0.3"),
        (["a", "b", "--to", "cityscapes", "--val-fraction", "0.3"], 1, "expected the classes of cityscapes"),
        (["a", "b", "--to", "coco", "--merge", "x=y"], 2, "unknown class 'y'"),
        (["none", "b", "--to", "coco"], 1, "expected a folder with images and masks, found nothing there"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(tmp_path, capsys, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    write_folders(tmp_path / "a")
    write_folders(tmp_path / "full", 1)
    (tmp_path / "a_file").touch()
    assert main(["convert", *arguments]) == code
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert re.search(message, said), said
    assert {path.name for path in tmp_path.iterdir()} == {"a", "full", "a_file"}


def test_an_error_on_the_way_leaves_nothing_and_an_empty_folder_is_filled(tmp_path, capsys):
    root = write_folders(tmp_path / "a")
    (tmp_path / "b").mkdir()
    save_image(root / "masks" / "003.png", np.full((48, 64), 77, np.uint8))
    arguments = [root, tmp_path / "b", "--to", "coco", "--names", "a,b,c,d"]
    assert "expected values 0 to 3 for 4 class names, got 77" in convert(capsys, *arguments)["error"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    assert not any((tmp_path / "b").iterdir())
    (root / "masks" / "003.png").unlink()
    assert convert(capsys, *arguments)["images"] == 5
    assert open_index([tmp_path / "b"]).format == "coco"


def test_python_has_the_same_function(tmp_path):
    result = segue.convert(
        write_cvat(tmp_path / "a"), tmp_path / "b", to="coco_panoptic", merge={"thing": ["car", "house"]}
    )
    assert result.classes == ("background", "thing", "road: wet")
    assert Path(result.out) == tmp_path / "b"
    assert open_index([tmp_path / "b"]).names == result.classes


def test_masks_with_a_place_on_the_earth_say_that_they_lose_it(tmp_path, capsys):
    root = write_folders(tmp_path / "a", 3)
    for path in sorted((root / "masks").iterdir()):
        with Image.open(path) as picture:
            write_raster(path.with_suffix(".tif"), np.asarray(picture))
        path.unlink()
    printed = convert(capsys, root, tmp_path / "b", "--to", "coco")
    assert printed["lost"] == ["the place on the Earth of 3 masks; images keep theirs"]


@pytest.mark.slow
@pytest.mark.shared
def test_real_masks_with_holes_and_specks_survive_as_outlines(shared, tmp_path, capsys):
    printed = convert(capsys, shared / "data" / "nuclei", tmp_path / "b", "--to", "yolo", "--val-fraction", "0.2")
    assert (printed["images"], printed["classes"]) == (260, ["background", "foreground"])
    first, again = open_index([shared / "data" / "nuclei"]), open_index([tmp_path / "b"])
    classes = settle(first), settle(again)
    masks = {sample.image.read_bytes(): sample for sample in again.samples}
    for sample in first.samples:
        copy = class_ids(masks[sample.image.read_bytes()], classes[1])
        np.testing.assert_array_equal(copy, class_ids(sample, classes[0]))
