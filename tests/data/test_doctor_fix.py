"""The repaired copy: no fixable error left, labels right to the pixel where that is certain, the source untouched."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import corpus
import numpy as np
import pytest
from PIL import Image

from segue.data.classes import IGNORE
from segue.data.doctor import examine
from segue.data.doctor.fix import fix
from segue.data.doctor.repair import from_grey_palette, from_one, snap
from segue.data.formats import open_index
from segue.data.image import read_image, read_mask
from segue.errors import DataError, UsageError

CASES = [case for case in corpus.cases() if case.code not in ("CLASS_SINGLE",)]
HOPELESS = ("lossy WebP masks",)  # every mask is smeared beyond certain repair
LIMIT = 200_000_000


def fingerprint(root: Path) -> dict[str, str]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def repaired(root: Path, out: Path):
    index = open_index([root])
    diagnosis = examine(index, roots=[root])
    actions = fix(index, diagnosis, out, LIMIT)
    return actions, diagnosis, examine(open_index([out]), roots=[out])


def only(folder: Path, stem: str) -> Path:
    (path,) = folder.glob(f"{stem}.*")
    return path


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_no_error_and_nothing_fixable_is_left_in_the_copy(case, tmp_path):
    root, out = corpus.good_set(tmp_path / "set"), tmp_path / "out"
    case.plant(root)
    before = fingerprint(root)
    if case.name in HOPELESS:
        with pytest.raises(DataError, match="expected something to keep"):
            repaired(root, out)
        assert not out.exists()
    else:
        actions, first, after = repaired(root, out)
        assert after.errors == ()
        fixable = {found.code for found in after.problems if found.fixable}
        assert fixable <= ({"IMG_ROTATED"} if case.code == "PAIR_EXIF_UNSURE" else set())
        named = {action.path for action in actions}
        assert {found.path for found in first.errors if found.path.is_file()} - _unpaired(first) <= named
    assert fingerprint(root) == before, "the source is never touched"
    assert not list(tmp_path.glob(".out-*")), "nothing is left beside the copy"


def _unpaired(diagnosis):
    return {found.path for found in diagnosis.problems if found.code in ("PAIR_AMBIGUOUS", "MASK_ORPHAN")}


def test_files_without_a_fault_are_copied_byte_for_byte(tmp_path):
    root, out = corpus.good_set(tmp_path / "set"), tmp_path / "out"
    corpus.in_mask(lambda mask: mask + 1)(root)
    repaired(root, out)
    source, copy = fingerprint(root), fingerprint(out)
    del source["masks/img_3.png"], copy["masks/img_3.png"]
    assert copy == source


@pytest.mark.parametrize("name", ["one mask counts from one", "one mask as grey levels of its palette"])
def test_labels_come_back_exactly(name, tmp_path):
    root, out = corpus.good_set(tmp_path / "set"), tmp_path / "out"
    next(case for case in CASES if case.name == name).plant(root)
    repaired(root, out)
    assert np.array_equal(read_mask(out / "masks" / "img_3.png"), corpus.labels(3))


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_image_and_mask_are_upright_and_aligned_after_a_rotation(orientation, tmp_path):
    root, out = corpus.good_set(tmp_path / "set"), tmp_path / "out"
    corpus.rotated(orientation, mask_follows=False)(root)
    repaired(root, out)
    assert np.array_equal(read_mask(out / "masks" / "img_3.png"), corpus.labels(3))
    difference = read_image(only(out / "images", "img_3")).astype(int) - corpus.picture(3).astype(int)
    assert np.abs(difference).mean() < 12, "JPEG noise, not another scene"


@pytest.mark.parametrize("colours", [np.array([0, 100, 200], np.uint8), corpus.COLOURS], ids=["grey", "colour"])
@pytest.mark.parametrize("fault", ["soft", "jpeg"])
def test_snapped_masks_are_right_but_for_a_few_border_pixels(fault, colours, tmp_path):
    truth = colours[corpus.labels(3, 96, 128)]
    if fault == "soft":
        small = Image.fromarray(truth).resize((64, 48), Image.Resampling.BILINEAR)
        faulty = np.asarray(small.resize((128, 96), Image.Resampling.BILINEAR))
    else:
        path = corpus.save(tmp_path / "mask.jpg", truth, quality=85)
        faulty = np.asarray(Image.open(path))
    packed = [int(c) if np.ndim(c) == 0 else int(c[0]) << 16 | int(c[1]) << 8 | int(c[2]) for c in colours]
    snapped = snap(faulty, sorted(packed))
    wrong = snapped != truth
    assert (wrong.any(axis=-1) if wrong.ndim == 3 else wrong).mean() < 0.01


def test_a_slope_leaves_no_rim_of_the_class_in_between():
    slope = np.repeat(np.array([[0, 0, 0, 0, 64, 127, 190, 254, 254, 254, 254]], np.uint8), 6, axis=0)
    assert set(np.unique(snap(slope, [0, 127, 254]))) == {0, 254}


def test_a_mask_that_is_soft_everywhere_still_becomes_labels():
    everywhere = np.tile(np.arange(0, 250, 10, dtype=np.uint8), (3, 1))
    assert set(np.unique(snap(everywhere, [0, 240]))) == {0, 240}


def test_shifting_keeps_ignored_values():
    assert from_one(np.array([[1, 2, 3, 255, 0]], np.uint8), frozenset({255})).tolist() == [[0, 1, 2, IGNORE, IGNORE]]


def test_grey_levels_become_indices():
    assert from_grey_palette(np.array([[0, 38, 75, 113, 255]], np.uint8)).tolist() == [[0, 1, 2, 3, 255]]


def test_close_ids_are_not_snapped_but_left_out(tmp_path):
    root, out = corpus.good_set(tmp_path / "set"), tmp_path / "out"
    corpus.mask_file(root).write_bytes(corpus.encoded(corpus.labels(3), "JPEG"))
    actions, first, _ = repaired(root, out)
    assert not next(found for found in first.errors if found.code == "MASK_LOSSY").fixable
    done = next(action.action for action in actions if action.path == corpus.mask_file(root))
    assert done.startswith("left out with its pair")
    assert not list((out / "images").glob("img_3.*"))


def test_of_a_leaked_picture_the_training_copy_goes(tmp_path):
    root, out = tmp_path / "set", tmp_path / "out"
    corpus.leak(lambda pixels: pixels)(corpus.good_set(root))
    _, _, after = repaired(root, out)
    assert not list((out / "train" / "images").glob("img_0.*"))
    assert list((out / "val" / "images").glob("other.*"))
    assert "LEAK_EXACT" not in {found.code for found in after.problems}


@pytest.mark.parametrize("place", ["set", "set/out", "set/images/out", "."])
def test_a_copy_inside_or_around_the_data_is_refused(place, tmp_path):
    root = corpus.good_set(tmp_path / "set")
    index = open_index([root])
    with pytest.raises((UsageError, DataError), match="expected"):
        fix(index, examine(index), tmp_path / place, LIMIT)


def test_a_folder_with_files_is_refused_and_kept(tmp_path):
    root, out = corpus.good_set(tmp_path / "set"), tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    index = open_index([root])
    with pytest.raises(DataError, match="new or empty folder"):
        fix(index, examine(index), out, LIMIT)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_actions_are_plain_json(tmp_path):
    root = corpus.good_set(tmp_path / "set")
    corpus.in_mask(lambda mask: mask + 1)(root)
    actions, _, _ = repaired(root, tmp_path / "out")
    assert json.loads(json.dumps([action.to_json() for action in actions])) == [
        {"path": str(corpus.mask_file(root)), "code": "MASK_OFF_BY_ONE", "action": "one subtracted from every label"}
    ]
