"""Layouts of tools and public data sets: read as they were written by their makers, and written back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fake_layouts import EXPECTED, GENUINE, labels_of, write_ade20k, write_cityscapes, write_coco_stuff, write_cvat
from fakes import save_image, write_folders, write_voc
from segue.data.census import class_pixels
from segue.data.classes import IGNORE, Classes
from segue.data.doctor import examine
from segue.data.formats import FORMATS, open_index
from segue.data.formats.labels import class_ids, settle
from segue.data.index import Index
from segue.data.split import split
from segue.errors import DataError, UsageError

DRAWN = ("coco", "coco_panoptic", "labelme", "yolo", "hf")  # formats whose masks are drawn into the cache
FIXED = ("cityscapes", "ade20k", "coco_stuff")  # layouts that hold the classes of one data set only


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Drawn masks of a test are its own."""
    monkeypatch.setenv("SEGUE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def below(index: Index) -> list[tuple]:
    """What must survive a copy: ids, splits, groups."""
    return [(sample.id, sample.split, sample.group) for sample in index.samples]


def named_labels(index: Index, classes: Classes) -> list[np.ndarray]:
    """The class name of every pixel of every sample, "" where it is not labelled."""
    names = np.array([*classes.names, *[""] * (256 - len(classes))])
    return [names[class_ids(sample, classes)] for sample in index.samples]


@pytest.mark.parametrize("layout", GENUINE)
def test_a_genuine_sample_is_read_by_its_own_format_only(tmp_path, layout):
    name, write = GENUINE[layout]
    root = write(tmp_path / "data")
    assert [row for row in FORMATS if FORMATS[row].sniff(root)] == [name]
    index = open_index([root])
    assert (index.format, index.problems, len(index.samples)) == (name, (), 3)
    assert all(sample.mask for sample in index.samples)


@pytest.mark.parametrize("layout", GENUINE)
def test_labels_are_those_that_were_drawn(tmp_path, layout):
    index = open_index([GENUINE[layout][1](tmp_path / "data")])
    classes = settle(index)
    count, names = EXPECTED[layout]
    assert len(classes) == count
    drawn = np.array(["" if name is None else name for name in names])
    by_image = {
        sample.image.read_bytes(): labels
        for sample, labels in zip(index.samples, named_labels(index, classes), strict=True)
    }
    assert len(by_image) == 3
    for number in range(3):
        image, labels = labels_of(number, unlabelled=len(names) > 4)
        same = save_image(tmp_path / f"same{index.samples[0].image.suffix}", image).read_bytes()
        np.testing.assert_array_equal(by_image[same], drawn[labels])


@pytest.mark.parametrize("layout", GENUINE)
def test_writing_and_reading_back_gives_the_same_data_set(tmp_path, layout):
    name, write = GENUINE[layout]
    index = open_index([write(tmp_path / "first")])
    FORMATS[name].write(index, tmp_path / "second")
    assert [row for row in FORMATS if FORMATS[row].sniff(tmp_path / "second")] == [name]
    again = open_index([tmp_path / "second"])
    assert again.problems == ()
    assert [(sample.split, sample.image.stem) for sample in again.samples] == [
        (sample.split, sample.image.stem) for sample in index.samples
    ]
    before, after = settle(index), settle(again)
    assert set(before.names) == set(after.names)
    for first, second in zip(named_labels(index, before), named_labels(again, after), strict=True):
        np.testing.assert_array_equal(first, second)
    if name not in DRAWN:
        assert below(again) == below(index)
        assert (again.names, again.ignore, again.colours) == (index.names, index.ignore, index.colours)
        assert all(
            a.mask.read_bytes() == b.mask.read_bytes() for a, b in zip(index.samples, again.samples, strict=True)
        )


@pytest.mark.parametrize("target", FIXED)
def test_a_layout_of_fixed_classes_takes_those_by_name_and_refuses_others(tmp_path, target):
    root = write_folders(tmp_path / "data")
    index = split(replace(open_index([root]), names=("road", "car", "person", "tree")), 0.3, seed=0)
    if target == "coco_stuff":  # the one that has all four
        FORMATS[target].write(index, tmp_path / "second")
        again = open_index([tmp_path / "second"])
        classes = settle(again)
        found = {classes.names[i] for sample in again.samples for i in np.unique(class_ids(sample, classes))}
        assert (again.format, found) == (target, {"person", "car", "road", "tree"})
    strange = replace(index, names=("road", "cars", "person", "tree"))
    with pytest.raises(DataError, match=rf"expected the classes of {target}, got 'cars' .*did you mean car"):
        FORMATS[target].write(strange, tmp_path / "third")
    assert not (tmp_path / "third").exists()


@pytest.mark.parametrize("layout", [*FIXED, "cvat"])
def test_a_folder_without_the_layout_says_what_was_expected(tmp_path, layout):
    with pytest.raises(DataError, match="expected"):
        open_index([tmp_path], layout)


@pytest.mark.parametrize("write", [write_ade20k, write_coco_stuff, write_voc])
def test_numbered_photographs_are_no_frames_of_one_video(tmp_path, write):
    samples = open_index([write(tmp_path / "data")]).samples
    assert [sample.group for sample in samples] == [sample.id for sample in samples]


@pytest.mark.parametrize("layout", ["cityscapes", "coco", "coco_panoptic", "labelme", "yolo", "hf_disk"])
def test_a_template_for_masks_is_refused_where_there_is_nothing_to_be_named(tmp_path, layout):
    root = GENUINE[layout][1](tmp_path / "data")
    with pytest.raises(UsageError, match=r"mask_name: expected none, since the layout .* says itself where masks are"):
        open_index([root], mask_name="{stem}_mask")


# --- cityscapes ------------------------------------------------------------------------------------------------------


def test_cityscapes_groups_by_city_and_sequence_and_keeps_its_splits(tmp_path):
    index = open_index([write_cityscapes(tmp_path / "data", 6)])
    assert {sample.group for sample in index.samples} == {
        "aachen/000000",
        "aachen/000001",
        "hamburg/000000",
        "hamburg/000001",
    }
    assert index.of("train")[0].id == "leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit"
    assert len(index.of("val")) == 2


def test_cityscapes_prefers_label_ids_and_names_what_does_not_pair(tmp_path):
    root = write_cityscapes(write_cityscapes(tmp_path / "data"), kind="labelTrainIds")
    assert all("_labelIds" in sample.mask.name for sample in open_index([root]).samples)
    next((root / "leftImg8bit/train/aachen").iterdir()).unlink()
    next((root / "gtFine/train/hamburg").glob("*labelIds.png")).unlink()
    assert sorted(found.code for found in open_index([root]).problems) == ["MASK_MISSING", "MASK_ORPHAN"]


def test_cityscapes_without_label_images_says_which_are_missing(tmp_path):
    root = write_cityscapes(tmp_path / "data")
    for path in (root / "gtFine").rglob("*labelIds.png"):
        path.unlink()
    with pytest.raises(DataError, match=r"expected files that end in _gtFine_labelIds\.png"):
        open_index([root])


def test_other_pictures_in_cityscapes_layout_are_given_frame_names(tmp_path):
    index = replace(open_index([write_folders(tmp_path / "data", 4)]), names=("road", "car", "person", "sky"))
    FORMATS["cityscapes"].write(split(index, 0.3, seed=0), tmp_path / "second")
    again = open_index([tmp_path / "second"])
    assert all(sample.image.name.startswith("data_0000") for sample in again.samples)
    assert {sample.image.suffix for sample in again.samples} == {".jpg"}
    assert settle(again).names[13] == "car"


# --- ade20k, coco-stuff ----------------------------------------------------------------------------------------------


def test_ade20k_is_known_by_its_file_names_too_and_other_data_of_that_shape_is_not(tmp_path):
    root = write_ade20k(tmp_path / "data")
    (root / "objectInfo150.txt").unlink()
    assert open_index([root]).format == "ade20k"
    for path in (*root.rglob("ADE*.jpg"), *root.rglob("ADE*.png")):
        path.rename(path.with_name(path.name.replace("ADE_", "mine_")))
    assert open_index([root]).format == "split"


def test_ade20k_ignores_0(tmp_path):
    index = open_index([write_ade20k(tmp_path / "data")])
    assert (class_ids(index.samples[0], settle(index))[:3] == IGNORE).all()


def test_maps_of_other_code_beside_coco_stuff_are_left_out(tmp_path):
    root = write_coco_stuff(tmp_path / "data")
    for path in (root / "annotations").rglob("*.png"):
        save_image(path.with_name(f"{path.stem}_labelTrainIds.png"), np.zeros((48, 64), np.uint8))
    index = open_index([root])
    assert index.problems == ()
    assert not any("TrainIds" in sample.mask.name for sample in index.samples)


@pytest.mark.parametrize(("images", "maps"), [("images", "stuffthingmaps"), (".", "annotations")])
def test_coco_stuff_lies_in_the_folders_people_put_it_in(tmp_path, images, maps):
    root = write_coco_stuff(tmp_path / "data")
    (root / "annotations").rename(root / "maps")
    if images == ".":
        for path in list((root / "images").iterdir()):
            path.rename(root / path.name)
        (root / "images").rmdir()
    (root / "maps").rename(root / maps)
    assert (open_index([root]).format, len(open_index([root]).samples)) == ("coco_stuff", 3)


# --- cvat ------------------------------------------------------------------------------------------------------------


def test_cvats_subsets_are_splits(tmp_path):
    root = write_cvat(tmp_path / "data", 6)
    lists = root / "ImageSets" / "Segmentation"
    lines = (lists / "default.txt").read_text().splitlines()
    (lists / "default.txt").unlink()
    (lists / "Train.txt").write_text("\n".join(lines[:4]))
    (lists / "validation.txt").write_text("\n".join(lines[4:]))
    index = open_index([root])
    assert (len(index.of("train")), len(index.of("val"))) == (4, 2)


def test_an_export_without_images_says_how_to_get_them(tmp_path):
    with pytest.raises(DataError, match=r"expected the images in JPEGImages/, .*export with 'Save images'"):
        open_index([write_cvat(tmp_path / "data", images=False)])


def test_a_label_called_ignored_is_not_labelled_and_colours_may_be_left_out(tmp_path):
    root = write_cvat(tmp_path / "data")
    path = root / "labelmap.txt"
    path.write_text(path.read_text().replace("house:", "ignored:") + "unseen:::\n")
    index = open_index([root])
    classes = settle(index)
    assert classes.names == ("background", "car", "road: wet", "unseen")
    assert (classes.palette[-1], index.ignore) == ((0, 0, 128), (2,))
    assert IGNORE in class_ids(index.samples[0], classes)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("wheel", "expected lines name:red,green,blue::"),
        ("wheel:1,2,999::", "expected lines name:red,green,blue::"),
        ("car:1,2,3::", "with each name once"),
        ("wheel:52,209,183::", "with a colour twice"),
    ],
)
def test_a_table_of_labels_that_cannot_be_right_is_refused(tmp_path, line, message):
    root = write_cvat(tmp_path / "data")
    with (root / "labelmap.txt").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(DataError, match=message):
        open_index([root])


def test_a_colour_that_no_label_has_is_refused(tmp_path):
    root = write_cvat(tmp_path / "data")
    path = root / "labelmap.txt"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if "house" not in line))
    with pytest.raises(DataError, match=r"expected the 3 colours that are named .* got #FA3253"):
        settle(open_index([root]))


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("others", [False, True])
def test_a_white_label_is_a_class_and_not_255_for_not_labelled(tmp_path, mode, others):
    root = write_cvat(tmp_path / "data", 6)
    (root / "labelmap.txt").write_text("background:0,0,0::\nthing:255,255,255::\n" + "red:255,0,0::\n" * others)
    inside = np.zeros((48, 64), np.uint8)
    inside[8:30, 10:40] = 1
    for number, path in enumerate(sorted((root / "SegmentationClass").iterdir())):
        colours = np.array([[0, 0, 0], [255, 0, 0] if others and number % 2 else [255, 255, 255]], np.uint8)
        Image.fromarray(colours[inside]).convert("RGB" if others and number % 2 else mode).save(path)
    index = open_index([root])
    found = named_labels(index, settle(index))
    assert [set(labels[inside == 1]) for labels in found] == [{"thing"}, {"red" if others else "thing"}] * 3
    assert all(set(labels[inside == 0]) == {"background"} for labels in found)
    diagnosis = examine(index)
    assert diagnosis.errors == ()
    pixels = [
        dict(zip(diagnosis.classes.names, class_pixels(one.mask, diagnosis.classes), strict=True))
        for one in diagnosis.looked
    ]
    assert [held["thing"] for held in pixels] == [660, 0 if others else 660] * 3


@pytest.mark.parametrize(
    ("layout", "name"),
    [("cvat", "#800000"), ("cvat", "ignored"), ("cvat", "car "), ("labelme", "__ignore__"), ("labelme", " car")],
)
def test_a_class_name_that_would_be_read_as_something_else_is_refused(tmp_path, layout, name):
    index = replace(open_index([write_folders(tmp_path / "data")]), names=("road", name, "person", "tree"))
    with pytest.raises(DataError, match=rf"expected class names that label\w*.txt can hold, got '{name}'.*--merge"):
        FORMATS[layout].write(index, tmp_path / "second")


def test_pixels_that_are_not_labelled_survive_a_trip_through_cvat(tmp_path):
    index = open_index([write_ade20k(tmp_path / "data")])
    FORMATS["cvat"].write(index, tmp_path / "second")
    again = open_index([tmp_path / "second"])
    assert settle(again).names == settle(index).names
    assert (class_ids(again.samples[0], settle(again))[:3] == IGNORE).all()


@pytest.mark.parametrize("layout", GENUINE)
def test_masks_lie_in_the_data_or_in_the_cache(tmp_path, cache, layout):
    root = GENUINE[layout][1](tmp_path / "data")
    home = cache if GENUINE[layout][0] in DRAWN else root
    assert all(Path(sample.mask).is_relative_to(home) for sample in open_index([root]).samples)
