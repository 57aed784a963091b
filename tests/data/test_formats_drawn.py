"""Annotations that are drawn: what lies over what, what is wrong with them, and what hostile files do."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fake_layouts import (
    COCO_INFO,
    coco_content,
    labelme_page,
    labels_of,
    split_of,
    write_coco,
    write_coco_panoptic,
    write_labelme,
    write_yolo,
)
from fakes import save_image, write_folders
from segue.configs import DataConfig
from segue.data.classes import IGNORE
from segue.data.doctor import examine
from segue.data.formats import FORMATS, open_index
from segue.data.image import read_mask
from segue.data.index import Index, Sample
from segue.data.prepare import load_data, prepare, save_data
from segue.errors import DataError

SQUARE = [10, 10, 30, 10, 30, 30, 10, 30]
SMALL = [15, 15, 20, 15, 20, 20, 15, 20]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGUE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def codes(index: Index) -> list[str]:
    return sorted(found.code for found in index.problems)


def mask_of(index: Index, place: int = 0) -> np.ndarray:
    return read_mask(index.samples[place].mask)


def coco_set(root: Path, objects: list[dict], categories=None, **image) -> Path:
    """One image of 48 x 64 with these objects."""
    save_image(root / "images" / "a.jpg", labels_of(0)[0])
    entry = {"id": 1, "file_name": "a.jpg", "height": 48, "width": 64} | image
    content = {
        "images": [entry],
        "annotations": [{"id": 7, "image_id": 1, "category_id": 1, "iscrowd": 0} | one for one in objects],
        "categories": categories or [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    }
    (root / "annotations.json").write_text(json.dumps(content))
    return root


# --- coco ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_smaller_objects_lie_over_larger_ones_whatever_their_order(tmp_path, order):
    objects = [{"segmentation": [SQUARE]}, {"segmentation": [SMALL], "category_id": 2}]
    mask = mask_of(open_index([coco_set(tmp_path, [objects[i] for i in order])]))
    assert (mask[17, 17], mask[25, 25], mask[5, 5]) == (2, 1, 0)


def test_a_crowd_is_not_labelled_but_objects_in_it_are(tmp_path):
    crowd = np.zeros((48, 64), bool)
    crowd[5:40, 5:40] = True
    counts = np.diff(np.concatenate([[0], np.flatnonzero(np.diff(crowd.T.ravel())) + 1, [crowd.size]])).tolist()
    runs = {"counts": counts, "size": [48, 64]}
    objects = [{"segmentation": [SMALL]}, {"segmentation": runs, "iscrowd": 1, "category_id": 2}]
    mask = mask_of(open_index([coco_set(tmp_path, objects)]))
    assert (mask[17, 17], mask[7, 7], mask[44, 44]) == (1, IGNORE, 0)


def test_parts_of_one_object_are_joined_and_a_flat_outline_is_one(tmp_path):
    split = {"segmentation": [SQUARE, [40, 10, 50, 10, 50, 20, 40, 20]]}
    mask = mask_of(open_index([coco_set(tmp_path / "a", [split])]))
    assert (mask[20, 20], mask[15, 45], mask[15, 35]) == (1, 1, 0)
    flat = mask_of(open_index([coco_set(tmp_path / "b", [{"segmentation": SQUARE}])]))
    assert (flat == 1).sum() == 400


def test_categories_of_one_name_are_one_and_a_background_is_class_0(tmp_path):
    rows = [
        {"id": 0, "name": "cat"}, {"id": 5, "name": "cat"}, {"id": 3, "name": "background"},
        {"id": 9, "name": "dog", "color": [1, 2, 3]},
    ]  # fmt: skip
    objects = [
        {"segmentation": [SQUARE], "category_id": 5},
        {"segmentation": [SMALL], "category_id": 3},
        {"segmentation": [[40, 10, 50, 10, 50, 20, 40, 20]], "category_id": 9},
    ]
    index = open_index([coco_set(tmp_path, objects, rows)])
    assert index.names == ("background", "cat", "dog")
    assert (mask_of(index)[17, 17], mask_of(index)[25, 25], mask_of(index)[15, 45]) == (0, 1, 2)


def test_two_categories_of_one_id_are_refused(tmp_path):
    rows = [{"id": 1, "name": "cat"}, {"id": 1, "name": "dog"}]
    with pytest.raises(DataError, match="expected a category for each id, got 'cat' and 'dog' with id 1"):
        open_index([coco_set(tmp_path, [{"segmentation": [SQUARE]}], rows)])
    same = coco_set(tmp_path / "same", [{"segmentation": [SQUARE]}], [{"id": 1, "name": "cat"}] * 2)
    assert open_index([same]).names == ("background", "cat")


def test_ids_may_be_written_as_numbers_with_a_point(tmp_path):
    index = open_index([coco_set(tmp_path, [{"segmentation": [SQUARE], "image_id": 1.0, "category_id": 2.0}])])
    assert (codes(index), mask_of(index)[25, 25]) == ([], 2)


@pytest.mark.parametrize("layout", ["coco", "labelme", "yolo"])
def test_outlines_refuse_more_classes_than_can_be_read_and_two_backgrounds(tmp_path, layout):
    index = open_index([write_folders(tmp_path / "data")])
    index = replace(index, samples=tuple(replace(sample, split="train") for sample in index.samples))
    many = replace(index, names=tuple(f"class {number}" for number in range(255)))
    with pytest.raises(DataError, match="at most 254 classes beside the background, got 255"):
        FORMATS[layout].write(many, tmp_path / "many")
    two = replace(index, names=("background", "_background_", "car", "tree"))
    with pytest.raises(DataError, match="expected one class for what no object covers, got background and _backgr"):
        FORMATS[layout].write(two, tmp_path / "two")


@pytest.mark.parametrize(
    ("wrong", "code", "message"),
    [
        ({"segmentation": [[1, 2, 3, 4]]}, "ANN_SHAPE", "three or more points, got 2"),
        ({"segmentation": [[1, 2, 3, "x", 5, 6]]}, "ANN_SHAPE", "expected x, y"),
        ({"segmentation": [[1, 2, 3, 4, 5, 1e30]]}, "ANN_SHAPE", "beyond any image"),
        ({"segmentation": "none"}, "ANN_SHAPE", "expected an outline, got a box"),
        ({"segmentation": [SQUARE], "category_id": 99}, "ANN_CATEGORY", "annotation 7: expected a listed category"),
        ({"segmentation": [SQUARE], "category_id": [1]}, "ANN_CATEGORY", "expected a listed category"),
        ({"segmentation": {"counts": [5, 6], "size": [48, 64]}}, "ANN_RLE", "3072 pixels, got 11"),
        ({"segmentation": {"counts": [3072], "size": [64, 48]}}, "ANN_RLE", "an image of 48 x 64"),
        ({"segmentation": {"counts": "~~", "size": [48, 64]}}, "ANN_RLE", "packed run lengths"),
    ],
)
def test_what_is_wrong_with_an_object_is_a_finding_at_its_image(tmp_path, wrong, code, message):
    root = coco_set(tmp_path, [wrong, {"segmentation": [SMALL]}])
    for index in (open_index([root]), open_index([root])):  # drawn, then found in the cache
        assert codes(index) == [code]
        assert message in index.problems[0].message
        assert index.problems[0].path == root / "images" / "a.jpg"
        assert (mask_of(index)[15:20, 15:20] == 1).all()
    assert code in {found.code for found in examine(index).problems}


def test_what_has_a_box_and_no_outline_is_not_labelled(tmp_path):
    objects = [{"segmentation": [], "bbox": [10, 10, 20, 20]}, {"segmentation": [SMALL]}]
    index = open_index([coco_set(tmp_path, objects)])
    assert codes(index) == ["ANN_SHAPE"]
    assert (mask_of(index)[12, 12], mask_of(index)[17, 17], mask_of(index)[40, 40]) == (IGNORE, 1, 0)
    unknown = [{"segmentation": [SQUARE], "category_id": 99}, {"segmentation": [SMALL]}]
    assert mask_of(open_index([coco_set(tmp_path / "b", unknown)]))[25, 25] == IGNORE


def test_an_annotation_of_another_size_than_its_image_is_found_by_the_doctor(tmp_path):
    root = coco_set(tmp_path, [{"segmentation": [SQUARE]}], height=96, width=128)
    assert {found.code for found in examine(open_index([root])).errors} == {"PAIR_SIZE"}
    turned = coco_set(tmp_path / "b", [{"segmentation": [SQUARE]}], height=64, width=48)
    assert {found.code for found in examine(open_index([turned])).errors} == {"PAIR_TRANSPOSED"}


def test_an_impossible_size_is_found_before_anything_is_drawn(tmp_path):
    root = coco_set(tmp_path, [{"segmentation": [SQUARE]}], height=10**6, width=10**6)
    with pytest.raises(DataError, match="expected at most 200,000,000 pixels, the annotation declares"):
        open_index([root])


def test_a_missing_size_is_taken_from_the_image(tmp_path):
    root = coco_set(tmp_path, [{"segmentation": [SQUARE]}], height=None)
    first = open_index([root])
    assert mask_of(first).shape == (48, 64)
    save_image(root / "images" / "a.jpg", np.zeros((30, 40, 3), np.uint8))
    assert mask_of(open_index([root])).shape == (30, 40)


def test_images_that_are_missing_outside_or_unlisted_are_told(tmp_path):
    root = coco_set(tmp_path / "set", [{"segmentation": [SQUARE]}])
    save_image(tmp_path / "outside.jpg", labels_of(0)[0])
    (root / "images" / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    save_image(root / "images" / "spare.jpg", labels_of(0)[0])
    content = json.loads((root / "annotations.json").read_text())
    names = ["gone.jpg", "../../outside.jpg", str(tmp_path / "outside.jpg"), "link.jpg", "a\0.jpg", "images\\spare.jpg"]
    content["images"] += [
        {"id": 100 + place, "file_name": name, "height": 48, "width": 64} for place, name in enumerate(names)
    ]
    content["annotations"].append({"id": 8, "image_id": 999, "category_id": 1, "segmentation": [SQUARE]})
    (root / "annotations.json").write_text(json.dumps(content))
    index = open_index([root])
    assert [sample.id for sample in index.samples] == ["images/a", "images/spare"]
    assert codes(index) == ["ANN_IMAGE", "ANN_IMAGE", "ANN_UNLISTED"]
    messages = " ".join(found.message for found in index.problems)
    assert "5 of 7 images it names are not there: gone.jpg, ../../outside.jpg" in messages
    assert "1 image ids, such as 999" in messages
    assert "1 images, such as link.jpg" in messages


def test_a_folder_that_is_a_link_out_of_the_data_is_not_looked_into(tmp_path):
    root = coco_set(tmp_path / "set", [{"segmentation": [SQUARE]}])
    (root / "images").rename(tmp_path / "elsewhere")
    (root / "images").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"expected the images it names below .* found none of them"):
        open_index([root])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "expected JSON, got something damaged"),
        ('{"images": [], "annotations": [], "categories": [' + "[" * 100_000, "expected JSON, got something damaged"),
        ('{"categories": 1, "images": [], "annotations": []}', "a list of objects under 'categories', got something"),
        ('{"categories": [{"id": 1, "name": "a"}], "images": []}', "under 'annotations', got none"),
        ('{"categories": [{"id": 1}], "images": [], "annotations": []}', "expected categories with id and name"),
        ('{"categories": [], "images": [], "annotations": []}', "expected 1 to 254 categories, got 0"),
        (
            '{"categories": [{"id": 1, "name": "a"}], "annotations": [], "images": [{"id": 1, "height": 1}]}',
            "expected images with id, file_name, height and width, got entry 0",
        ),
        (
            '{"categories": [{"id": 1, "name": "a"}], "annotations": [], '
            '"images": [{"id": 1, "file_name": "a", "height": -1, "width": Infinity}]}',
            "expected images with id, file_name, height and width",
        ),
        ('{"categories": [{"id": 1, "name": "a"}], "annotations": [], "images": []}', "expected the images it names"),
    ],
)
def test_json_that_is_no_annotation_file_is_one_line(tmp_path, text, message):
    (tmp_path / "instances_train.json").write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        open_index([tmp_path], "coco")
    assert "\n" not in str(caught.value)


def test_a_file_beyond_the_limit_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("segue.data.formats.json_file.MOST_BYTES", 100)
    from segue.data.formats.json_file import read_json

    root = coco_set(tmp_path, [{"segmentation": [SQUARE]}])
    with pytest.raises(DataError, match=r"expected at most 100 bytes of JSON, got .* split it up"):
        read_json(root / "annotations.json", 100)


def test_boxes_alone_are_no_segmentation(tmp_path):
    with pytest.raises(DataError, match="expected outlines under 'segmentation', got boxes only"):
        open_index([coco_set(tmp_path, [{"bbox": [1, 1, 5, 5]}])])


def test_too_many_categories_for_a_mask_of_8_bits_are_refused(tmp_path):
    rows = [{"id": number, "name": f"c{number}"} for number in range(1, 300)]
    with pytest.raises(DataError, match="expected 1 to 254 categories, got 299"):
        open_index([coco_set(tmp_path, [{"segmentation": [SQUARE]}], rows)])


def test_splits_come_from_the_names_of_files_and_folders(tmp_path):
    index = open_index([write_coco(tmp_path / "a")])
    assert {sample.id.partition("/")[0]: sample.split for sample in index.samples} == {
        "train2017": "train", "val2017": "val",
    }  # fmt: skip
    root = coco_set(tmp_path / "b", [{"segmentation": [SQUARE]}])
    (root / "annotations.json").rename(root / "my_train.json")
    assert open_index([root]).samples[0].split == "train"
    (root / "my_train.json").rename(root / "constraint.json")
    assert open_index([root]).samples[0].split == ""


def test_an_image_in_two_files_counts_once(tmp_path):
    root = coco_set(tmp_path, [{"segmentation": [SQUARE]}])
    (root / "annotations.json").rename(root / "train.json")
    (root / "val.json").write_text((root / "train.json").read_text())
    index = open_index([root])
    assert (len(index.samples), codes(index)) == (1, ["LIST_TWICE"])


def test_two_images_that_differ_in_their_ending_only_are_named(tmp_path):
    root = coco_set(tmp_path, [{"segmentation": [SQUARE]}])
    save_image(root / "images" / "a.png", labels_of(0)[0])
    save_image(root / "images" / "b.png", labels_of(0)[0])
    content = json.loads((root / "annotations.json").read_text())
    content["images"] += [
        {"id": number, "file_name": name, "height": 48, "width": 64} for number, name in ((2, "a.png"), (3, "b.png"))
    ]
    (root / "annotations.json").write_text(json.dumps(content))
    index = open_index([root])
    assert ([sample.id for sample in index.samples], codes(index)) == (["images/b"], ["PAIR_AMBIGUOUS"] * 2)


def test_a_set_that_moved_is_not_drawn_again(tmp_path, cache):
    root = write_coco(tmp_path / "a")
    before = open_index([root])
    drawn = {path: path.stat().st_mtime_ns for path in cache.rglob("*.png")}
    root.rename(tmp_path / "b")
    after = open_index([tmp_path / "b"])
    assert [sample.mask for sample in after.samples] == [sample.mask for sample in before.samples]
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.png")} == drawn


def test_panoptic_beside_instances_asks_for_the_format(tmp_path):
    write_coco_panoptic(tmp_path / "b")
    write_coco(tmp_path / "a")
    for path in (tmp_path / "a" / "annotations").iterdir():
        path.rename(tmp_path / "b" / "annotations" / path.name)
    with pytest.raises(DataError, match=r"found coco and coco_panoptic; choose with --data\.format"):
        open_index([tmp_path / "b"])
    assert open_index([tmp_path / "b"], "coco").format == "coco"


# --- coco panoptic ---------------------------------------------------------------------------------------------------


def edit(path: Path, change) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_segments_that_are_not_explained_are_not_labelled(tmp_path):
    root = write_coco_panoptic(tmp_path, 6)
    path = root / "annotations" / "panoptic_train2017.json"

    def spoil(content):
        del content["annotations"][0]["segments_info"][1]
        content["annotations"][1]["segments_info"][1]["category_id"] = 12345
        content["annotations"][2]["segments_info"] = "none"

    edit(path, spoil)
    index = open_index([root])
    assert codes(index) == ["ANN_CATEGORY"] * 4  # the second names its category, and then the segment it leaves over
    assert (mask_of(index)[labels_of(0)[1] == 1] == IGNORE).all()
    assert (mask_of(index)[labels_of(0)[1] == 2] == 1).all()


def test_missing_and_broken_segment_pictures_are_errors_at_their_images(tmp_path):
    root = write_coco_panoptic(tmp_path, 6)
    maps = root / "annotations" / "panoptic_train2017"
    (maps / f"{9:012d}.png").unlink()
    (maps / f"{10:012d}.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    index = open_index([root])
    assert codes(index) == ["ANN_FILE", "ANN_FILE"]
    assert [sample.mask is None for sample in index.of("train")] == [True, True, False, False]


def test_an_archive_that_was_not_unpacked_is_named(tmp_path):
    root = write_coco_panoptic(tmp_path)
    maps = root / "annotations" / "panoptic_val2017"
    maps.rename(tmp_path / "away")
    maps.with_suffix(".zip").touch()
    with pytest.raises(DataError, match=r"found none; unpack panoptic_val2017\.zip beside it"):
        open_index([root])


def test_a_changed_picture_of_segments_is_drawn_again(tmp_path):
    root = write_coco_panoptic(tmp_path)
    before = mask_of(open_index([root])).copy()
    path = root / "annotations" / "panoptic_train2017" / f"{9:012d}.png"
    save_image(path, np.zeros((48, 64, 3), np.uint8))
    assert before.min() < IGNORE
    assert (mask_of(open_index([root])) == IGNORE).all()


# --- labelme ---------------------------------------------------------------------------------------------------------


def labelme_set(root: Path, shapes: list[dict], **keys) -> Path:
    save_image(root / "a.jpg", labels_of(0)[0])
    page = labelme_page(0, "a.jpg") | {"shapes": [{"label": "cat", "points": []} | shape for shape in shapes]} | keys
    (root / "a.json").write_text(json.dumps(page))
    return root


def points(flat: list[float]) -> list[list[float]]:
    return [[x, y] for x, y in zip(flat[::2], flat[1::2], strict=True)]


def test_every_shape_with_an_area_is_drawn_and_later_ones_lie_over_earlier_ones(tmp_path):
    picture = io.BytesIO()
    Image.fromarray(np.array([[1, 0], [1, 1]], np.uint8)).save(picture, "PNG")
    shapes = [
        {"shape_type": "polygon", "points": points(SQUARE)},
        {"shape_type": "rectangle", "points": [[50, 20], [40, 10]], "label": "box"},
        {"shape_type": "circle", "points": [[45, 35], [48, 35]], "label": "disc"},
        {"shape_type": "mask", "points": [[15, 15], [16, 16]], "mask": base64.b64encode(picture.getvalue()).decode()}
        | {"label": "bitmap"},
        {"shape_type": "oriented_rectangle", "points": points(SMALL), "label": "box"},
        {"points": [[0, 40], [5, 40], [5, 45], [0, 45]], "label": "__ignore__"},
        {"points": [[20, 25], [25, 25], [25, 28], [20, 28]], "label": "_background_"},
    ]
    index = open_index([labelme_set(tmp_path, shapes)])
    assert (index.names, index.problems) == (("background", "bitmap", "box", "cat", "disc"), ())
    mask = mask_of(index)
    assert (mask[12, 12], mask[15, 45], mask[35, 45], mask[17, 17]) == (3, 2, 4, 2)
    assert (mask[42, 2], mask[26, 22], mask[0, 63]) == (IGNORE, 0, 0)


def test_a_bitmap_lies_where_its_corner_says_and_is_cut_at_the_border(tmp_path):
    picture = io.BytesIO()
    Image.fromarray(np.ones((10, 10), np.uint8)).save(picture, "PNG")
    encoded = base64.b64encode(picture.getvalue()).decode()
    shapes = [
        {"shape_type": "mask", "points": [[x, y], [x + 9, y + 9]], "mask": encoded} for x, y in ((-5, -6), (60, 45))
    ]
    mask = mask_of(open_index([labelme_set(tmp_path, shapes)]))
    assert (mask[:4, :5].all(), mask[45:, 60:].all(), mask.sum()) == (True, True, 20 + 12)


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        ({"shape_type": "line", "points": [[1, 1], [5, 5]]}, "ANN_SHAPE"),
        ({"shape_type": "point", "points": [[1, 1]]}, "ANN_SHAPE"),
        ({"shape_type": "polygon", "points": [[1, 1], [2, 2]]}, "ANN_SHAPE"),
        ({"shape_type": "circle", "points": [[1, 1]]}, "ANN_SHAPE"),
        ({"shape_type": "rectangle", "points": None}, "ANN_SHAPE"),
        ({"shape_type": "mask", "points": [[1, 1], [2, 2]], "mask": "!!"}, "ANN_SHAPE"),
        ({"shape_type": "mask", "points": [[1, 1], [2, 2]], "mask": "QUJD"}, "ANN_SHAPE"),
        ({"shape_type": "mask", "points": [[1, 1], [2, 2]]}, "ANN_SHAPE"),
        ({"label": 3, "points": points(SMALL)}, "ANN_CATEGORY"),
    ],
)
def test_what_is_wrong_with_a_shape_is_a_finding(tmp_path, shape, code):
    index = open_index([labelme_set(tmp_path, [shape, {"points": points(SQUARE)}])])
    assert codes(index) == [code]
    assert mask_of(index)[25, 25] == 1


def test_a_list_of_labels_gives_their_order_and_makes_others_strangers(tmp_path):
    root = write_labelme(tmp_path)
    (root / "labels.txt").write_text("__ignore__\n_background_\nstripe\n\nbox\n")
    index = open_index([root])
    assert index.names == ("background", "stripe", "box")
    assert set(codes(index)) == {"ANN_CATEGORY"}
    assert (mask_of(index)[labels_of(0)[1] == 1] == IGNORE).all()


def test_a_broken_page_a_missing_image_and_an_image_without_a_page(tmp_path):
    root = write_labelme(tmp_path, 6)
    (root / "000.json").write_text("{")
    (root / "001.jpg").unlink()
    (root / "002.json").unlink()
    (root / "settings.json").write_text('{"theme": "dark"}')
    index = open_index([root])
    assert codes(index) == ["ANN_FILE", "ANN_IMAGE", "MASK_MISSING", "MASK_MISSING"]
    assert [sample.id for sample in index.samples if sample.mask] == ["003", "004", "005"]


def test_pages_and_images_may_lie_apart_and_folders_be_splits(tmp_path):
    for number in range(4):
        folder = tmp_path / ("train" if number < 3 else "val")
        save_image(folder / "images" / f"{number}.jpg", labels_of(number)[0])
        (folder / "labels").mkdir(exist_ok=True)
        page = labelme_page(number, f"..\\images\\{number}.jpg")
        (folder / "labels" / f"{number}.json").write_text(json.dumps(page))
    index = FORMATS["labelme"].read(tmp_path, "")
    assert [(sample.id, sample.split) for sample in index.samples] == [
        ("train/images/0", "train"), ("train/images/1", "train"), ("train/images/2", "train"), ("val/images/3", "val"),
    ]  # fmt: skip


def test_an_image_outside_the_data_is_not_read(tmp_path):
    save_image(tmp_path / "secret.jpg", labels_of(0)[0])
    root = labelme_set(tmp_path / "set", [{"points": points(SQUARE)}], imagePath="../secret.jpg")
    (root / "a.jpg").unlink()
    with pytest.raises(DataError, match=r"expected the images of the JSON files \(such as \.\./secret\.jpg\)"):
        open_index([root])


# --- yolo ------------------------------------------------------------------------------------------------------------


def yolo_set(root: Path, text: str | None, sheet: str = "train: images\nnames: [cat, dog]\n") -> Path:
    save_image(root / "images" / "a.jpg", labels_of(0)[0])
    save_image(root / "images" / "b.jpg", labels_of(1)[0])
    (root / "labels").mkdir(exist_ok=True)
    (root / "labels" / "b.txt").write_text("1 0.5 0.5 1 0.5 1 1 0.5 1\n")
    if text is not None:
        (root / "labels" / "a.txt").write_text(text)
    (root / "data.yaml").write_text(sheet)
    return root


def test_smaller_outlines_lie_over_larger_ones_and_an_image_without_a_file_holds_nothing(tmp_path):
    small, large = "0 0.1 0.1 0.3 0.1 0.3 0.3 0.1 0.3", "1 0 0 0.9 0 0.9 0.9 0 0.9"
    for order in ((small, large), (large, small)):
        mask = mask_of(open_index([yolo_set(tmp_path, "\n".join(order))]))
        assert (mask[10, 10], mask[30, 30], mask[47, 63]) == (1, 2, 0)
    (tmp_path / "labels" / "a.txt").unlink()
    assert not mask_of(open_index([tmp_path])).any()


@pytest.mark.parametrize(
    ("line", "code", "left"),
    [
        ("0 0.5 0.5 0.5 0.5", "ANN_SHAPE", IGNORE),  # a box
        ("7 0.2 0.2 0.8 0.2 0.8 0.8 0.2 0.8", "ANN_CATEGORY", IGNORE),
        ("0 0.1 0.1 0.3", "ANN_SHAPE", 0),
        ("0 0.1 0.1 0.3 0.1 nan 0.3", "ANN_SHAPE", 0),
        ("cat 0.1 0.1 0.3 0.1 0.2 0.3", "ANN_SHAPE", 0),
        ("-1 0.1 0.1 0.3 0.1 0.2 0.3", "ANN_SHAPE", 0),
        ("0.5 0.1 0.1 0.3 0.1 0.2 0.3", "ANN_SHAPE", 0),
        ("0 12 12 40 12 40 36 12 36", "ANN_SHAPE", 0),  # in pixels
    ],
)
def test_what_is_wrong_with_a_line_is_a_finding(tmp_path, line, code, left):
    index = open_index([yolo_set(tmp_path, line)])
    assert codes(index) == [code]
    assert "line 1" in index.problems[0].message
    assert mask_of(index)[24, 32] == left


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        ("train: images\nnames: {0: cat, 2: dog}\n", "expected names as a list or by number from 0"),
        ("train: images\nnames: 3\n", "expected names as a list or by number from 0, got a int"),
        (
            "a: &a [x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"{name}: &{name} [{', '.join([f'*{chr(ord(name) - 1)}'] * 9)}]\n" for name in "bcdefghijk")
            + "train: images\nnames: *k\n",
            "expected names as a list or by number from 0, got a list",
        ),
        ("train: pictures\nnames: [cat]\n", "expected images below .* found none where it says"),
        ("train: /etc\nnames: [cat]\n", "found none where it says"),
    ],
)
def test_a_sheet_that_does_not_fit_is_one_line(tmp_path, sheet, message):
    with pytest.raises(DataError, match=message):
        open_index([yolo_set(tmp_path, "", sheet)])


def test_two_sheets_and_boxes_alone_are_refused(tmp_path):
    root = yolo_set(tmp_path, "0 0.5 0.5 0.5 0.5")
    (root / "labels" / "b.txt").unlink()
    with pytest.raises(DataError, match="expected outlines in labels/, got none"):
        open_index([root])
    (root / "other.yml").write_text("val: images\nnames: [cat]\n")
    with pytest.raises(DataError, match=r"expected one YAML file .* found 2: data\.yaml, other\.yml"):
        open_index([root])


def test_lists_of_images_and_several_folders_are_parts_too(tmp_path):
    root = write_yolo(tmp_path, 6)
    names = sorted(path.relative_to(root).as_posix() for path in (root / "images" / "train").iterdir())
    (root / "train.txt").write_text("".join(f"./{name}\n" for name in names[:2]) + "./images/train/gone.jpg\n")
    (root / "coco8-seg.yaml").write_text("train: train.txt\nval: [images/val]\nnames: [disc, box, stripe]\n")
    index = open_index([root])
    assert (len(index.of("train")), len(index.of("val")), codes(index)) == (2, 2, ["ANN_IMAGE"])


# --- through the whole program ---------------------------------------------------------------------------------------


def test_a_run_on_drawn_masks_can_be_resumed_after_the_cache_was_emptied(tmp_path, cache):
    import shutil

    root = write_coco(tmp_path / "data")
    data = prepare((root,), DataConfig(), 0, lambda share, text: None)
    assert (data.format, len(data.classes)) == ("coco", 4)
    save_data(tmp_path / "data.json", data)
    assert load_data(tmp_path / "data.json").samples == data.samples
    shutil.rmtree(cache)
    assert load_data(tmp_path / "data.json").samples == data.samples
    assert all(sample.mask.is_file() for sample in data.samples)


def test_the_doctor_writes_a_repaired_copy_in_the_layout_it_read(tmp_path):
    from segue.data.doctor.fix import fix

    root = write_labelme(tmp_path / "data")
    page = json.loads((root / "000.json").read_text())
    (root / "000.json").write_text(json.dumps(page | {"imageHeight": 99}))
    index = open_index([root])
    diagnosis = examine(index)
    assert {found.code for found in diagnosis.errors} == {"PAIR_SIZE"}
    fix(index, diagnosis, tmp_path / "fixed", 10**8)
    again = open_index([tmp_path / "fixed"])
    assert (again.format, len(again.samples)) == ("labelme", 2)
    assert not examine(again).errors


@pytest.mark.parametrize("layout", ["coco", "coco_panoptic", "labelme", "yolo"])
def test_labels_of_any_form_survive_being_written_as_outlines(tmp_path, layout):
    samples = []
    for number, classes in enumerate(((0, 1), (1, 2, 0), (0, 1, 2, 255), (2,))):
        generator = np.random.default_rng(number)
        coarse = generator.choice(classes, (7 + number, 9))  # regions with holes, in holes, touching at corners
        labels = np.kron(coarse, np.ones((3, 2))).astype(np.uint8)
        labels[generator.random(labels.shape) < 0.1] = classes[0]
        if layout == "yolo":
            labels[labels == IGNORE] = 0  # which it has no way to say
        image = save_image(tmp_path / "images" / f"{number}.png", np.stack([labels] * 3, -1))
        samples.append(Sample(str(number), image, save_image(tmp_path / "masks" / f"{number}.png", labels), "train"))
    index = Index(tmp_path, "plain", tuple(samples), (), ("background", "cat", "dog"))
    FORMATS[layout].write(index, tmp_path / "new")
    again = open_index([tmp_path / "new"])
    assert (again.names, again.problems) == (("background", "cat", "dog"), ())
    for before, after in zip(samples, again.samples, strict=True):
        np.testing.assert_array_equal(read_mask(after.mask), read_mask(before.mask))


def test_plain_folders_with_stray_json_and_yaml_stay_plain(tmp_path):
    root = write_folders(tmp_path)
    (root / "data.yaml").write_text("names: [a]\n")
    (root / "config.yaml").write_text("data:\n  names: [a]\ntrain:\n  device: cpu\nnames: {}\n")
    (root / "info.json").write_text(json.dumps(COCO_INFO))
    (root / "masks" / "notes.json").write_text('{"shapes": 3}')
    assert open_index([root]).format == "folders"


def test_helpers_agree_on_the_split():
    assert [split_of(number) for number in range(3)] == ["train", "train", "val"]
    assert len(coco_content([0, 1], str)["annotations"]) == 8
