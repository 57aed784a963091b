"""The pixel sample: the same for the same seed, balanced, mostly away from borders, what it lacks is named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import write_folders
from segue.configs import DataConfig
from segue.data.geometry import Preprocessing
from segue.data.parallel import silent
from segue.data.prepare import prepare
from segue.planning import pixels
from segue.planning.pixels import FEWEST, choose_images, draw_pixels, inside_cells, quotas

PREP = Preprocessing((48, 64), 1.0, (0.5,) * 3, (0.25,) * 3, 48 * 64, 1.0)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return prepare((write_folders(tmp_path_factory.mktemp("photos"), 8),), DataConfig(), 0, silent)


def test_the_same_seed_draws_the_same_pixels_and_labels_are_those_of_the_masks(data):
    first, again, other = draw_pixels(data, PREP, 0), draw_pixels(data, PREP, 0), draw_pixels(data, PREP, 1)
    np.testing.assert_array_equal(first.rows, again.rows)
    np.testing.assert_array_equal(first.columns, again.columns)
    assert not np.array_equal(first.rows, other.rows)
    assert len(first.images) == len(data.of("train"))
    colours = np.stack(
        [first.images[i][y, x] for i, y, x in zip(first.image_of, first.rows, first.columns, strict=True)]
    )
    reds = [colours[first.labels == label, 0].mean() for label in range(4)]
    assert np.argmax(reds) == 1  # the disc is red
    places = set(zip(first.image_of.tolist(), first.rows.tolist(), first.columns.tolist(), strict=True))
    assert len(places) == len(first)  # without replacement


def test_no_image_of_the_validation_part_is_looked_at(data):
    sample = draw_pixels(data, PREP, 0)
    assert len(sample.images) == 8 - len(data.of("val"))


def test_classes_count_alike_as_far_as_they_can(data, monkeypatch):
    monkeypatch.setattr(pixels, "WANTED", 800)
    counts = np.bincount(draw_pixels(data, PREP, 0).labels)
    assert counts.sum() == pytest.approx(800, abs=24)
    assert counts.max() < 1.05 * counts.min()


def test_a_class_with_too_few_pixels_is_dropped_by_name(data, monkeypatch):
    counts = np.bincount(draw_pixels(data, PREP, 0).labels)
    monkeypatch.setattr(pixels, "FEWEST", int(counts.max()))
    sample = draw_pixels(data, PREP, 0)
    largest = int(counts.argmax())
    assert sample.dropped == tuple(name for label, name in enumerate(data.classes.names) if label != largest)
    assert set(sample.labels.tolist()) == {largest}
    assert sample.classes == 1


def test_four_of_five_pixels_keep_away_from_borders():
    labels = np.zeros((64, 64), np.uint8)
    labels[:, 31:] = 1  # the cells from column 24 to 31 hold both
    sample = pixels._drawn([np.zeros((64, 64, 3), np.uint8)], [labels], ("a", "b"), 0)
    assert len(sample) == 64 * 64  # all there is
    inner = inside_cells(labels)
    assert inner.sum() == 64 * 56
    few = pixels._places(np.arange(64 * 64), inner.ravel(), 1000, np.random.default_rng(0))
    assert len(set(few.tolist())) == 1000
    assert inner.ravel()[few].mean() >= 0.8
    assert 0 < (~inner.ravel()[few]).sum() < 100


@given(st.lists(st.lists(st.integers(0, 500), min_size=3, max_size=3), min_size=1, max_size=6), st.integers(1, 2000))
def test_quotas_never_ask_for_more_than_there_is_nor_let_a_class_take_over(available, wanted):
    there = np.array(available, np.int64)
    given_ = quotas(there, wanted)
    assert (given_ >= 0).all()
    assert (given_ <= there).all()
    present = max(1, int((there > 0).any(axis=0).sum()))
    assert (given_.sum(axis=0) <= 2 * wanted / present + 1).all()


def test_what_a_rare_class_cannot_give_goes_to_the_others():
    given_ = quotas(np.array([[1000, 1000, 5], [1000, 1000, 0]]), 300)
    assert given_[0, 2] == 5
    assert given_.sum() == pytest.approx(300, abs=6)


def test_images_of_the_rarest_class_come_first():
    counts = np.zeros((100, 3), np.int64)
    counts[:, 0] = 10
    counts[::10, 1] = 10
    counts[[7, 77], 2] = 1
    chosen = choose_images(counts, 10, 0)
    assert {7, 77} <= set(chosen)
    assert (counts[chosen, 1] > 0).sum() >= 4
    assert len(chosen) == len(set(chosen)) == 10
    assert choose_images(counts, 10, 0) == chosen != choose_images(counts, 10, 1)
    assert choose_images(counts[:5], 10, 0) == [0, 1, 2, 3, 4]


def test_few_is_fewer_than_twenty():
    assert FEWEST == 20
