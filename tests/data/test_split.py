from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import write_camvid, write_folders, write_split
from segue.data.formats import open_index
from segue.data.index import Index, Sample
from segue.data.split import load_split, save_split, split
from segue.errors import DataError


def index_of(*groups: int, part: str = "", unlabelled: int = 0) -> Index:
    """An index with groups of these sizes; a group of one is an image of its own."""
    samples = []
    for number, size in enumerate(groups):
        for frame in range(size):
            name = f"g{number:03d}_{frame:04d}"
            samples.append(Sample(name, Path(f"{name}.jpg"), Path(f"{name}.png"), part, f"g{number:03d}"))
    samples += [Sample(f"u{n}", Path(f"u{n}.jpg"), None, part, f"u{n}") for n in range(unlabelled)]
    return Index(Path("data"), "folders", tuple(samples))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=2, max_size=25), st.floats(0.01, 0.9), st.integers(0, 2**31 - 1))
def test_groups_stay_whole_and_no_part_is_empty(groups, val_fraction, seed):
    index = split(index_of(*groups), val_fraction, seed)
    parts = {sample.group: set() for sample in index.samples}
    for sample in index.samples:
        parts[sample.group].add(sample.split)
    assert all(len(found) == 1 for found in parts.values())
    assert {sample.split for sample in index.samples} == {"train", "val"}
    assert index.problems == ()


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 300), st.floats(0.01, 0.9), st.integers(0, 1000))
def test_single_images_are_split_to_the_nearest_image(count, val_fraction, seed):
    held_out = len(split(index_of(*[1] * count), val_fraction, seed).of("val"))
    wished = min(max(val_fraction * count, 1), count - 1)
    assert abs(held_out - wished) <= 0.5


def test_the_split_is_the_same_everywhere_and_differs_by_seed():
    index = index_of(*[1] * 10)
    assert [s.id for s in split(index, 0.3, seed=0).of("val")] == REFERENCE
    shuffled = Index(index.root, index.format, tuple(reversed(index.samples)))
    assert sorted(s.id for s in split(shuffled, 0.3, seed=0).of("val")) == REFERENCE
    assert len({tuple(s.id for s in split(index, 0.3, seed).of("val")) for seed in range(20)}) > 10


REFERENCE = ["g000_0000", "g002_0000", "g009_0000"]  # written down once: a change here would reshuffle everyone's data


def test_the_size_is_met_as_nearly_as_groups_allow():
    for seed in range(10):
        assert len(split(index_of(50, 20, 20, 10), 0.3, seed).of("val")) == 30


def test_a_given_split_is_kept_and_a_lone_training_part_is_split():
    mixed = Index(Path("d"), "split", (*index_of(1, 1, part="train").samples, Sample("v", Path("v"), Path("w"), "val")))
    assert split(mixed, 0.5, 0) == mixed
    train = Index(Path("d"), "split", (*index_of(1, 1, 1, part="train").samples, Sample("t", Path("t"), None, "test")))
    assert Counter(s.split for s in split(train, 0.3, 0).samples) == {"train": 2, "val": 1, "test": 1}


def test_unlabelled_images_are_in_neither_part():
    index = split(index_of(1, 1, 1, unlabelled=4, part="train"), 0.3, 0)
    assert Counter(sample.split for sample in index.samples) == {"train": 2, "val": 1, "": 4}


@pytest.mark.parametrize("seed", range(6))
def test_a_single_video_loses_a_block_at_one_end_and_says_so(seed):
    index = split(index_of(10), 0.3, seed)
    held_out = [int(sample.id[-1]) for sample in index.of("val")]
    assert held_out in ([0, 1, 2], [7, 8, 9])
    assert [(problem.code, problem.severity) for problem in index.problems] == [("VIDEO_ONE_GROUP", "warning")]


def test_every_class_is_on_both_sides_where_groups_allow():
    index = index_of(*[1] * 20)
    presence = {s.id: frozenset({0, 1}) if number < 3 else frozenset({0}) for number, s in enumerate(index.samples)}
    for seed in range(20):
        parts = split(index, 0.3, seed, presence)
        for part in ("train", "val"):
            assert frozenset().union(*(presence[s.id] for s in parts.of(part))) == {0, 1}
        assert len(parts.of("val")) == 6


@pytest.mark.parametrize("labelled", [0, 1])
def test_fewer_than_two_labelled_images_cannot_be_split(labelled):
    with pytest.raises(DataError, match=rf"expected 2 or more labelled images.*got {labelled}"):
        split(index_of(*[1] * labelled, unlabelled=3), 0.3, 0)


def test_a_split_is_saved_and_loaded(tmp_path):
    index = open_index([write_folders(tmp_path / "data")])
    parts = split(index, 0.3, 5)
    save_split(parts.samples, tmp_path / "split.json")
    assert load_split(index, tmp_path / "split.json") == parts
    assert json.loads((tmp_path / "split.json").read_text())["images/000"] in ("train", "val")


def test_a_split_of_other_data_or_a_damaged_one_is_refused(tmp_path):
    path = tmp_path / "split.json"
    save_split(split(index_of(1, 1, 1), 0.3, 0).samples, path)
    with pytest.raises(DataError, match=r"1 of its images are gone \(such as g002_0000\)"):
        load_split(index_of(1, 1), path)
    with pytest.raises(DataError, match=r"1 images are not in it \(such as g003_0000\)"):
        load_split(index_of(1, 1, 1, 1), path)
    for content in ("", "[1]", '{"a": "nowhere"}', '{"a": ["val"]}'):
        path.write_text(content)
        with pytest.raises(DataError, match="expected"):
            load_split(index_of(1), path)
    with pytest.raises(DataError, match="cannot read it"):
        load_split(index_of(1), tmp_path / "absent.json")


def test_layouts_with_a_validation_part_keep_it(tmp_path):
    for write in (write_split, write_camvid):
        index = open_index([write(tmp_path / write.__name__)])
        assert split(index, 0.3, 0).samples == index.samples


@pytest.mark.shared
@pytest.mark.parametrize(("name", "val"), [("aerial", 9), ("nuclei", 78), ("retina", 6), ("cracks", 35)])
def test_real_sets_are_split_by_group(shared, name, val):
    index = split(open_index([shared / "data" / name]), 0.3, seed=0)
    assert len(index.of("val")) == val
    assert not {s.group for s in index.of("val")} & {s.group for s in index.of("train")}
