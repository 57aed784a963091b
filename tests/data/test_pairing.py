from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from segue.data.grouping import groups
from segue.data.pairing import Pairs, pair, parse_template, separate
from segue.errors import DataError, UsageError

IMAGES, MASKS = Path("images"), Path("masks")


def paired(images: list[str], masks: list[str], mask_name: str = "") -> Pairs:
    return pair(IMAGES, images, MASKS, masks, mask_name)


def codes(found: Pairs) -> list[tuple[str, str]]:
    return sorted((problem.code, problem.path.as_posix()) for problem in found.problems)


def test_equal_names_pair_whatever_their_endings():
    found = paired(["b.jpg", "a.jpeg", "sub/c.tif"], ["a.png", "b.png", "sub/c.png"])
    assert found.pairs == [("a.jpeg", "a.png"), ("b.jpg", "b.png"), ("sub/c.tif", "sub/c.png")]
    assert found.problems == []


def test_only_the_last_dot_begins_the_ending():
    found = paired(["a.b.jpg", "a.jpg"], ["a.b.png", "a.png"])
    assert found.pairs == [("a.b.jpg", "a.b.png"), ("a.jpg", "a.png")]


@pytest.mark.parametrize(
    "template",
    [
        "{stem}_mask",
        "{stem}_manual",
        "{stem}_manual1",
        "{stem}-gt",
        "mask_{stem}",
        "{stem}_L",
        "{stem}.jpg",
        "x{stem}y",
    ],
)
def test_what_all_masks_have_in_common_is_found(template):
    stems = ["1", "2", "11", "a b", "21_training"]
    found = paired([f"{stem}.jpg" for stem in stems], [template.format(stem=stem) + ".png" for stem in stems])
    assert dict(found.pairs) == {f"{stem}.jpg": template.format(stem=stem) + ".png" for stem in stems}
    assert found.problems == []


def test_a_given_template_is_used_and_other_masks_are_orphans():
    found = paired(["a.jpg", "b.jpg"], ["a_mask.png", "b_mask.png", "a_soft.png"], "{stem}_mask")
    assert found.pairs == [("a.jpg", "a_mask.png"), ("b.jpg", "b_mask.png")]
    assert codes(found) == [("MASK_ORPHAN", "masks/a_soft.png")]


def test_two_naming_schemes_that_fit_equally_well_are_refused_with_the_option_to_give():
    with pytest.raises(DataError, match=r"as many \{stem\}_mask as \{stem\}_soft.*--data.mask_name"):
        paired(["a.jpg", "b.jpg"], ["a_mask.png", "b_mask.png", "a_soft.png", "b_soft.png"])


@pytest.mark.parametrize("template", ["mask", "{stem}_{stem}", "masks/{stem}"])
def test_a_template_names_the_stem_once_and_no_folder(template):
    with pytest.raises(UsageError, match=r"expected a file name with \{stem\} in it"):
        parse_template(template)


def test_missing_masks_stay_as_unlabelled_images_and_orphans_are_named():
    found = paired(["a.jpg", "b.jpg", "c.jpg"], ["a.png", "b.png", "z.png"])
    assert found.pairs == [("a.jpg", "a.png"), ("b.jpg", "b.png"), ("c.jpg", None)]
    assert codes(found) == [("MASK_MISSING", "images/c.jpg"), ("MASK_ORPHAN", "masks/z.png")]


@pytest.mark.parametrize(
    ("images", "masks"),
    [(["a.jpg", "a.png", "b.jpg"], ["a.png", "b.png"]), (["a.jpg", "b.jpg"], ["a.png", "a.tif", "b.png"])],
)
def test_two_files_of_one_name_are_refused_not_resolved(images, masks):
    found = paired(images, masks)
    assert found.pairs == [("b.jpg", "b.png")]
    assert [problem.code for problem in found.problems] == ["PAIR_AMBIGUOUS"]
    assert found.problems[0].severity == "error"


def test_case_is_ignored_only_where_no_exact_partner_exists():
    found = paired(["A.JPG", "b.jpg", "B.jpg"], ["a.png", "b.png", "B.png"])
    assert dict(found.pairs) == {"A.JPG": "a.png", "b.jpg": "b.png", "B.jpg": "B.png"}
    assert codes(found) == [("NAME_CASE", "images/A.JPG")]


def test_case_that_leaves_two_choices_pairs_nothing():
    found = paired(["ab.jpg"], ["aB.png", "Ab.png"])
    assert found.pairs == [("ab.jpg", None)]
    assert [code for code, _ in codes(found)] == ["MASK_MISSING", "MASK_ORPHAN", "MASK_ORPHAN"]


def test_decomposed_and_composed_names_are_the_same_name():
    name = "Brücke 橋 é"
    images, masks = unicodedata.normalize("NFD", name), unicodedata.normalize("NFC", name)
    found = paired([f"{images}.jpg"], [f"{masks}_mask.png"])
    assert found.pairs == [(f"{images}.jpg", f"{masks}_mask.png")]


def test_subfolders_must_agree_unless_one_side_has_none():
    nested = paired(["x/a.jpg", "y/a.jpg"], ["x/a.png", "y/a.png"])
    assert dict(nested.pairs) == {"x/a.jpg": "x/a.png", "y/a.jpg": "y/a.png"}
    flat = paired(["x/a.jpg", "y/b.jpg"], ["a.png", "b.png"])
    assert dict(flat.pairs) == {"x/a.jpg": "a.png", "y/b.jpg": "b.png"}
    assert [code for code, _ in codes(paired(["x/a.jpg", "y/a.jpg"], ["a.png"]))] == ["PAIR_AMBIGUOUS"]


def test_no_file_is_ever_lost():
    images = ["a.jpg", "a.png", "b.jpg", "C.jpg", "d.jpg"]
    masks = ["a.png", "b.png", "b.tif", "c.png", "e.png"]
    found = paired(images, masks)
    told = {problem.path.name for problem in found.problems} | {
        word for problem in found.problems for word in problem.message.replace(",", " ").replace(";", " ").split()
    }
    used = {name for names in found.pairs for name in names if name}
    assert {*images, *masks} <= used | told


def test_masks_beside_their_images_are_told_apart():
    names = ["a.jpg", "a_mask.png", "b.jpg", "b-GT.png", "label_c.png", "c.jpg", "a_2.jpg", "gt_tower.jpg"]
    assert separate(names) == (
        ["a.jpg", "b.jpg", "c.jpg", "a_2.jpg", "gt_tower.jpg"],
        ["a_mask.png", "b-GT.png", "label_c.png"],
    )
    assert separate(["a.jpg", "a_2.jpg"], "{stem}_2") == (["a.jpg"], ["a_2.jpg"])


# --- groups ----------------------------------------------------------------------------------------------------------


def test_frames_of_one_sequence_are_one_group():
    names = ["0001TP_006690", "0001TP_006720", "Seq05VD_f00000", "0016E5_07959", "0016E5_07961"]
    assert groups(names, [""] * 5) == ["0001TP", "0001TP", "Seq05VD", "0016E5", "0016E5"]


def test_folders_come_before_names():
    ids = ["x/images/p_1", "x/images/p_2", "y/images/q_1"]
    assert groups(ids, ["x", "x", "y"]) == ["x", "x", "y"]


@pytest.mark.parametrize(
    "names", [["001", "002", "003"], ["part_1", "part_2"], ["003cee89", "00ae65c1"], ["a_1", "b_1"]]
)
def test_one_prefix_or_a_prefix_per_image_groups_nothing(names):
    assert groups(names, [""] * len(names)) == names
