"""Folds: every image held out once, groups whole, the same numbers for all."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import save_image, scene, write_folders
from segue.configs import DataConfig
from segue.data.folds import divided, grouped_folds, load_folds, save_folds, undivided, with_fold
from segue.data.index import Problem, Sample
from segue.data.prepare import prepare
from segue.errors import DataError, RunError


def samples(sizes):
    return tuple(
        Sample(f"{group}-{i}", Path(f"{group}-{i}.jpg"), Path(f"{group}-{i}.png"), "train", f"g{group}")
        for group, size in enumerate(sizes)
        for i in range(size)
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=2, max_size=25), st.integers(2, 20), st.integers(0, 2**31 - 1))
def test_groups_stay_whole_and_no_fold_is_empty(sizes, count, seed):
    given = samples(sizes)
    if len(sizes) < count:
        with pytest.raises(DataError, match=rf"expected {count} or more groups .* got {len(sizes)}: use --folds"):
            grouped_folds(given, seed, count)
        return
    fold_of = grouped_folds(given, seed, count)
    assert list(fold_of) == [sample.id for sample in given]
    assert set(fold_of.values()) == set(range(1, count + 1))
    assert len({(sample.group, fold_of[sample.id]) for sample in given}) == len(sizes)
    held = np.bincount(list(fold_of.values()))[1:]
    assert held.max() - held.min() <= max(sizes)
    assert grouped_folds(given[::-1], seed, count) == fold_of


def test_large_groups_are_dealt_evenly():
    held = np.bincount(list(grouped_folds(samples([1] * 12 + [5] * 4 + [9] * 2), 0, 5).values()))[1:]
    assert held.tolist() == [10] * 5


def test_one_group_cannot_be_divided():
    with pytest.raises(DataError, match="got 1: leave --folds out"):
        grouped_folds(samples([7]), 0, 5)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = write_folders(tmp_path_factory.mktemp("data"), 6)
    save_image(root / "images" / "000.jpg", scene(0, (40, 56))[0])
    save_image(root / "masks" / "000.png", scene(0, (40, 56))[1])
    return prepare((root,), DataConfig(), 0, lambda *_: None)


def test_every_fold_trains_on_all_images_that_it_does_not_judge(data):
    whole, fold_of = divided(data, 0, 3)
    assert whole.samples == undivided(data).samples
    assert len(whole.of("train")) == len(whole.sizes) == 6
    heights = {sample.id: size[0] for sample, size in zip(whole.samples, whole.sizes, strict=True)}
    assert heights == {f"images/{n:03d}": 40 if n == 0 else 48 for n in range(6)}
    for fold in (1, 2, 3):
        one = with_fold(whole, fold_of, fold)
        assert {sample.id for sample in one.of("val")} == {name for name in fold_of if fold_of[name] == fold}
        assert [heights[sample.id] for sample in one.of("train")] == [size[0] for size in one.sizes]
        assert (one.pixels == data.pixels).all()
        assert one.bands == whole.bands


def test_what_was_found_of_a_part_is_not_said_of_the_folds(data):
    """A class that one part lacks is there when nothing is held out."""
    found = tuple(Problem(code, "warning", data.root, code, "") for code in ("CLASS_ABSENT_TRAIN", "MASK_MISSING"))
    assert undivided(dataclasses.replace(data, findings=found)).findings == found[1:]


def test_a_fold_without_a_labelled_pixel_is_refused(data):
    whole, fold_of = divided(data, 0, 3)
    pixels = whole.pixels.copy()
    pixels[[fold_of[sample.id] == 2 for sample in whole.samples]] = 0
    empty = dataclasses.replace(whole, pixels=pixels)
    with pytest.raises(DataError, match="expected labelled pixels to judge by in every fold, got none in fold 2"):
        divided(empty, 0, 3)


def test_the_record_is_read_back_and_a_damaged_one_refused(data, tmp_path):
    fold_of, path = grouped_folds(data.samples, 0, 3), tmp_path / "folds.json"
    save_folds(path, fold_of)
    assert load_folds(path, data.samples, 3) == fold_of
    others = ({**fold_of, "images/000": 4}, dict(list(fold_of.items())[1:]))
    for content in ("{", "[]", "3", *map(json.dumps, others)):
        path.write_text(content)
        with pytest.raises(RunError, match=r"folds\.json: expected"):
            load_folds(path, data.samples, 3)
