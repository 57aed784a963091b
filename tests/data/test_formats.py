from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fakes import LAYOUTS, scene, write_camvid, write_folders, write_side_by_side, write_split, write_tiles, write_voc
from segue.data.formats import FORMATS, open_index
from segue.data.image import read_mask
from segue.data.index import Index
from segue.data.split import split
from segue.errors import DataError, UsageError


def relative(index: Index) -> Index:
    """The index without its root, to compare two copies."""

    def below(path: Path | None) -> Path | None:
        return path and path.relative_to(index.root)

    samples = tuple(replace(s, image=below(s.image), mask=below(s.mask)) for s in index.samples)
    return replace(index, root=Path(), samples=samples)


def codes(index: Index) -> list[tuple[str, str]]:
    return sorted((problem.code, problem.path.relative_to(index.root).as_posix()) for problem in index.problems)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_fits_exactly_one_format_and_is_read_by_it(tmp_path, layout):
    name, write = LAYOUTS[layout]
    root = write(tmp_path / "data")
    assert [row for row in FORMATS if FORMATS[row].sniff(root)] == [name]
    index = open_index([root])
    assert index.format == name
    assert index.problems == ()
    assert all(sample.mask for sample in index.samples)
    for sample in index.samples:
        assert sample.id == sample.image.relative_to(root).as_posix().rpartition(".")[0]
        assert sample.mask != sample.image
    assert len({sample.id for sample in index.samples}) == len(index.samples)


PLAIN = tuple(dict.fromkeys(name for name, _ in LAYOUTS.values()))  # layouts of anybody's pictures and masks


@pytest.mark.parametrize("name", PLAIN)
def test_writing_and_reading_back_gives_the_same_data_set(tmp_path, name):
    layout = next(row for row, (format, _) in LAYOUTS.items() if format == name)
    index = FORMATS[name].read(LAYOUTS[layout][1](tmp_path / "first"), "")
    FORMATS[name].write(index, tmp_path / "second")
    again = FORMATS[name].read(tmp_path / "second", "")
    assert relative(again) == relative(index)
    for before, after in zip(index.samples, again.samples, strict=True):
        assert after.image.read_bytes() == before.image.read_bytes()
        assert after.mask.read_bytes() == before.mask.read_bytes()


@pytest.mark.parametrize("target", PLAIN)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_can_be_written_in_any_other_once_it_has_a_split(tmp_path, layout, target):
    index = split(open_index([LAYOUTS[layout][1](tmp_path / "first")]), 0.3, seed=0)
    FORMATS[target].write(index, tmp_path / "second")
    again = open_index([tmp_path / "second"])
    assert again.format == target
    assert again.problems == ()
    if target != "folders":
        assert Counter(s.split for s in again.samples) == Counter(s.split for s in index.samples)
    masks = sorted(sample.mask.read_bytes() for sample in index.samples)
    assert sorted(sample.mask.read_bytes() for sample in again.samples) == masks


def test_layouts_with_splits_refuse_to_be_written_without_and_nothing_is_overwritten(tmp_path):
    index = open_index([write_folders(tmp_path / "data")])
    for name in ("split", "camvid", "voc"):
        with pytest.raises(DataError, match=f"the layout {name} needs a split for every image, 6 have none"):
            FORMATS[name].write(index, tmp_path / name)
        assert not (tmp_path / name).exists()
    with pytest.raises(DataError, match="expected a new or empty folder"):
        FORMATS["folders"].write(index, tmp_path / "data")


def test_splits_are_read_and_alias_names_count(tmp_path):
    root = write_split(tmp_path / "data")
    (root / "val").rename(root / "Validation")
    index = open_index([root])
    assert Counter(sample.split for sample in index.samples) == {"train": 6, "val": 2, "test": 2}
    assert {sample.id for sample in index.of("val")} == {"Validation/images/000", "Validation/images/001"}


def test_a_test_folder_may_hold_images_alone(tmp_path):
    root = write_split(tmp_path / "data")
    shutil.rmtree(root / "test" / "masks")
    index = open_index([root])
    assert [sample.mask for sample in index.of("test")] == [None, None]
    assert index.problems == ()


def test_camvid_knows_its_classes_its_void_and_its_sequences(tmp_path):
    index = open_index([write_camvid(tmp_path / "data")])
    assert index.names == (
        "Sky",
        "Building",
        "Pole",
        "Road",
        "Pavement",
        "Tree",
        "SignSymbol",
        "Fence",
        "Car",
        "Pedestrian",
        "Bicyclist",
        "Unlabelled",
    )
    assert index.ignore == (11,)
    assert {sample.group for sample in index.samples} == {"0001TP", "Seq05VD"}


def test_other_data_in_camvids_layout_does_not_get_camvids_names(tmp_path):
    root = write_camvid(tmp_path / "data")
    for folder in ("train", "trainannot"):
        (root / folder / "Seq05VD_f00000.png").rename(root / folder / "mine.png")
    index = open_index([root])
    assert (index.names, index.ignore) == ((), ())


def test_voc_takes_listed_images_and_its_names(tmp_path):
    root = write_voc(tmp_path / "data")
    index = open_index([root])
    assert Counter(sample.split for sample in index.samples) == {"train": 4, "val": 2}
    assert (index.names[0], len(index.names)) == ("background", 21)
    lists = root / "ImageSets" / "Segmentation"
    (lists / "train.txt").write_text("2007_000000\n2007_000002\n2007_000099\n\n")
    again = open_index([root])
    assert codes(again) == [
        ("LIST_MISSING", "JPEGImages/2007_000099"),
        ("LIST_TWICE", "ImageSets/Segmentation/val.txt"),
    ]
    for name in ("train.txt", "val.txt"):
        (lists / name).unlink()
    assert {sample.split for sample in open_index([root]).samples} == {""}


def test_folders_one_level_up_are_groups(tmp_path):
    index = open_index([write_tiles(tmp_path / "data")])
    assert {sample.group for sample in index.samples} == {"Tile 1", "Tile 2", "Tile 3"}


def test_two_paths_of_any_name_are_images_and_masks(tmp_path):
    root = write_folders(tmp_path / "data")
    (root / "images").rename(tmp_path / "holiday")
    (root / "masks").rename(tmp_path / "data" / "painted by me")
    index = open_index([tmp_path / "holiday", root / "painted by me"])
    assert [sample.id for sample in index.samples][:2] == ["holiday/000", "holiday/001"]
    assert index.samples[0].mask == root / "painted by me" / "000.png"
    inside = open_index([write_side_by_side(tmp_path / "both"), tmp_path / "both"], mask_name="{stem}_mask")
    assert sum(sample.mask is not None for sample in inside.samples) == 6


def test_a_mask_folder_inside_the_image_folder(tmp_path):
    root = write_folders(tmp_path / "data")
    (root / "masks").rename(root / "images" / "drawn")
    index = open_index([root / "images", root / "images" / "drawn"])
    assert len(index.samples) == 6
    assert index.problems == ()


def test_a_template_makes_a_plain_folder_readable(tmp_path):
    root = write_side_by_side(tmp_path / "data")
    for path in root.glob("*_mask.png"):
        path.rename(path.with_stem(path.stem.replace("_mask", "_hand")))
    with pytest.raises(DataError, match="expected images/ and masks/"):
        open_index([root])
    assert len(open_index([root], mask_name="{stem}_hand").samples) == 6


# --- what is said when it does not fit -------------------------------------------------------------------------------


def test_paths_that_are_no_data_are_refused_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "odd" / "stuff").mkdir(parents=True)
    cases = {
        "expected a folder with images and masks, found nothing there": [tmp_path / "absent"],
        "found a file": [tmp_path / "file"],
        "found 0 pictures and no folders": [tmp_path / "empty"],
        "found 0 pictures and the folders stuff/": [tmp_path / "odd"],
    }
    for message, paths in cases.items():
        with pytest.raises(DataError, match=message) as caught:
            open_index(paths)
        assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="got 3 paths"):
        open_index([tmp_path] * 3)
    with pytest.raises(UsageError, match="unknown format 'vok': did you mean voc"):
        open_index([tmp_path], "vok")
    with pytest.raises(UsageError, match="expected folders for an image and a mask folder, got 'voc'"):
        open_index([tmp_path, tmp_path], "voc")
    for name in FORMATS:
        with pytest.raises(DataError, match="expected"):
            open_index([tmp_path / "empty"], name)


def test_two_layouts_at_once_ask_for_the_format(tmp_path):
    root = write_voc(write_camvid(tmp_path / "data"))
    with pytest.raises(DataError, match=r"found camvid and voc; choose with --data\.format"):
        open_index([root])
    assert open_index([root], "voc").format == "voc"


def test_no_fitting_mask_at_all_is_one_error_not_a_thousand_warnings(tmp_path):
    root = write_folders(tmp_path / "data")
    for number, path in enumerate(sorted((root / "masks").iterdir())):
        path.rename(path.with_stem("qrstuv"[number]))
    with pytest.raises(DataError, match=r"none of 6 images has one .*--data\.mask_name"):
        open_index([root])


def test_two_mask_folders_are_not_chosen_between(tmp_path):
    root = write_folders(tmp_path / "data")
    shutil.copytree(root / "masks", root / "labels")
    with pytest.raises(DataError, match="expected one of the folders labels and masks, found both"):
        open_index([root])


# --- the tree --------------------------------------------------------------------------------------------------------


def test_links_are_followed_inside_the_root_only_and_loops_are_harmless(tmp_path):
    root = write_folders(tmp_path / "data", count=3)
    outside = write_folders(tmp_path / "outside", count=1)
    (root / "images" / "loop").symlink_to(root, target_is_directory=True)
    (root / "images" / "self").symlink_to(root / "images" / "self")
    (root / "images" / "away").symlink_to(outside / "images", target_is_directory=True)
    (root / "images" / "far.jpg").symlink_to(outside / "images" / "000.jpg")
    (root / "images" / "gone.jpg").symlink_to(root / "nothing")
    (root / "images" / "again.jpg").symlink_to(root / "images" / "000.jpg")
    (root / "masks" / "again.png").symlink_to(root / "masks" / "000.png")
    index = open_index([root / "images", root / "masks"])
    assert [sample.id for sample in index.samples] == ["images/000", "images/001", "images/002", "images/again"]
    assert codes(index) == [
        ("TREE_LINK_DANGLING", "images/gone.jpg"),
        ("TREE_LINK_LOOP", "images/loop"),
        ("TREE_LINK_OUTSIDE", "images/away"),
        ("TREE_LINK_OUTSIDE", "images/far.jpg"),
    ]


def test_hidden_files_other_files_and_special_files_are_no_pictures(tmp_path):
    root = write_folders(tmp_path / "data", count=2)
    for name in ("._000.jpg", "notes.txt", "Thumbs.db"):
        (root / "images" / name).touch()
    (root / "images" / ".cache").mkdir()
    shutil.copy(root / "images" / "000.jpg", root / "images" / ".cache" / "x.jpg")
    os.mkfifo(root / "images" / "pipe.jpg")
    index = open_index([root])
    assert len(index.samples) == 2
    assert index.problems == ()


def test_ids_are_utf8_and_composed_whatever_the_names(tmp_path):
    root = tmp_path / "data"
    stems = ["e\u0301", "a\nb", "-x", "日本 🙂", os.fsdecode(b"\xff")]
    write_folders(root, count=0)
    for folder, ending in (("images", "jpg"), ("masks", "png")):
        (root / folder).mkdir(parents=True)
        for stem in stems:
            (root / folder / f"{stem}.{ending}").touch()
    ids = {sample.id for sample in open_index([root]).samples}
    assert ids == {"images/\u00e9", "images/a\nb", "images/-x", "images/日本 🙂", "images/\\udcff"}


@pytest.mark.slow
def test_100_000_files_are_indexed_within_ten_seconds(tmp_path):
    for folder, ending in (("images", "jpg"), ("masks", "png")):
        (tmp_path / folder).mkdir()
        for number in range(50_000):
            os.close(os.open(tmp_path / folder / f"{number:06d}.{ending}", os.O_CREAT))
    began = time.process_time()  # not the wall clock, which measures what else the machine is doing
    index = open_index([tmp_path])
    assert time.process_time() - began < 10
    assert sum(sample.mask is not None for sample in index.samples) == 50_000


# --- real data -------------------------------------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "format", "samples", "groups"),
    [
        ("nuclei", "folders", 260, 260),
        ("retina", "folders", 20, 20),
        ("cracks", "folders", 118, 118),
        ("aerial", "folders", 45, 5),
        ("camvid", "camvid", 468, 3),
    ],
)
def test_real_sets_are_read_whole(shared, name, format, samples, groups):
    index = open_index([shared / "data" / name])
    assert (index.format, len(index.samples)) == (format, samples)
    assert len({sample.group for sample in index.samples}) == groups
    assert all(sample.mask for sample in index.samples)
    assert index.problems == ()


def test_the_fakes_hold_every_class_in_every_image(tmp_path):
    for number in range(20):
        image, labels = scene(number)
        assert set(np.unique(labels)) == {0, 1, 2, 3}
        assert image.dtype == np.uint8
    for sample in open_index([write_folders(tmp_path)]).samples:
        assert set(np.unique(read_mask(sample.mask))) == {0, 1, 2, 3}


@pytest.mark.parametrize("below", ["VOCdevkit/VOC2012", "VOC2012"])
def test_a_folder_that_fits_is_suggested_where_its_parent_was_given(tmp_path, below):
    write_voc(tmp_path / "parent" / below)
    (tmp_path / "parent" / "notes").mkdir()
    with pytest.raises(DataError, match=rf"0 pictures and the folders .*; did you mean .*/parent/{below}\?$"):
        open_index([tmp_path / "parent"])


def test_without_a_folder_that_fits_two_paths_are_advised(tmp_path):
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    with pytest.raises(DataError, match="give the image folder and the mask folder as two paths"):
        open_index([tmp_path])
