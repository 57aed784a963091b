from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fakes import save_image, write_folders
from segue.data.encoding import encode
from segue.data.formats import open_index
from segue.data.index import Index
from segue.data.merging import merge_classes
from segue.errors import DataError
from segue.infer.match import check_masks, match_classes
from tiny_model import tiny_info

CLASSES = tiny_info().classes  # ground disc box stripe = 0 1 2 3


def index(names=(), ignore=()):
    return Index(Path("data"), "folders", (), (), names, ignore)


def test_without_names_mask_values_mean_what_they_meant_in_training():
    assert match_classes(CLASSES, index()) == CLASSES


def test_names_that_have_nothing_in_common_do_not_count():
    assert match_classes(CLASSES, index(("Sky", "Road"))).values == CLASSES.values


def test_the_same_names_in_another_order_are_followed():
    assert match_classes(CLASSES, index(("box", "stripe", "ground", "disc"))).values == (2, 3, 0, 1)


def test_values_the_layout_declares_unlabelled_are_ignored_and_take_no_name():
    matched = match_classes(CLASSES, index(("void", "ground", "disc", "box", "stripe"), (0,)))
    assert matched.values == (1, 2, 3, 4)
    assert 0 in matched.ignored


MERGED = merge_classes(CLASSES, {"thing": ("disc", "box"), "ignore": ("stripe",)})


def encoded(classes, *values):
    return encode(np.array([values]), classes)[0].tolist()


def test_a_model_of_merged_classes_reads_the_original_ones_by_value_and_by_name():
    assert match_classes(MERGED, index()) == MERGED
    by_name = match_classes(MERGED, index(("box", "stripe", "ground", "disc")))
    assert encoded(by_name, 0, 1, 2, 3, 255) == [1, 255, 0, 1, 255]
    assert by_name.names == ("ground", "thing")


def test_a_model_of_merged_classes_reads_the_merged_ones_too():
    assert encoded(match_classes(MERGED, index(("thing", "ground"))), 0, 1) == [1, 0]
    with pytest.raises(DataError, match="only one of the two has boat"):
        match_classes(MERGED, index(("ground", "disc", "box", "boat")))


def test_values_ignored_in_training_stay_ignored_unless_the_data_names_them():
    ignoring = replace(CLASSES, ignored=(255, 9))
    assert encoded(match_classes(ignoring, index(("box", "stripe", "ground", "disc"))), 0, 9) == [2, 255]
    names = (*"abcdefghi", "disc", "ground", "box", "stripe")
    assert encoded(match_classes(ignoring, index(names, tuple(range(9)))), 0, 9, 12) == [255, 1, 3]


@pytest.mark.parametrize("names", [("ground", "disc", "box", "boat"), ("ground", "disc", "box"), ("ground", "x" * 9)])
def test_other_classes_are_named(names):
    with pytest.raises(DataError, match=r"only one of the two has (boat|stripe|box)"):
        match_classes(CLASSES, index(names))


def test_masks_that_fit_pass(tmp_path):
    check_masks(open_index([write_folders(tmp_path / "d", 3)]).samples, CLASSES)


def test_every_mask_that_does_not_fit_is_counted_before_anything_is_computed(tmp_path):
    root = write_folders(tmp_path / "d", 5)
    for number in (1, 3):
        save_image(root / "masks" / f"{number:03d}.png", np.full((48, 64), 9, np.uint8))
    with pytest.raises(DataError, match=r"001\.png.*9 .*\(1 more\); the model knows ground = 0, disc = 1"):
        check_masks(open_index([root]).samples, CLASSES)


def test_masks_of_0_and_255_are_refused_where_the_model_ignores_255(tmp_path):
    samples = open_index([write_folders(tmp_path / "d", 3, binary=True)]).samples
    for count in (2, 4):
        with pytest.raises(DataError, match=r"masks: .*disc = 1.*255 is ignored.*got 0 and 255 alone"):
            check_masks(samples, tiny_info(count).classes)


def test_masks_of_0_and_255_pass_where_that_is_what_the_model_or_the_layout_means(tmp_path):
    samples = open_index([write_folders(tmp_path / "d", 3, binary=True)]).samples
    check_masks(samples, replace(tiny_info(2).classes, values=(0, 255), ignored=()))
    check_masks(samples, CLASSES, unlabelled=(255,))


def test_255_beside_other_classes_is_ignored(tmp_path):
    root = write_folders(tmp_path / "d", 3)
    save_image(root / "masks" / "001.png", np.full((48, 64), 255, np.uint8))
    check_masks(open_index([root]).samples, CLASSES)
