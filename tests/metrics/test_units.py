import numpy as np
import pytest

from segue.metrics.units import FEW, draws, resampling_units


@pytest.mark.parametrize(
    "groups",
    [
        [],
        [""] * 30,  # no groups: each image stands alone
        [f"image{i}" for i in range(30)],  # as many groups as images
    ],
)
def test_images_are_drawn_where_nothing_joins_them(groups):
    units = resampling_units(30, groups)
    assert (units.kind, units.count, units.caution) == ("images", 30, "")


def test_groups_are_drawn_where_images_share_them_and_an_image_without_one_stands_alone():
    units = resampling_units(30, [f"video{i % 12}" for i in range(25)] + [""] * 5)
    assert (units.kind, units.count, units.caution) == ("groups", 17, "")
    sums = units.sums(np.arange(30))
    assert sums.sum() == np.arange(30).sum()
    assert {25, 26, 27, 28, 29} <= set(sums.tolist())  # alone
    assert 0 + 12 + 24 in sums  # video0


@pytest.mark.parametrize(("images", "groups"), [(30, [f"video{i % 4}" for i in range(30)]), (7, [])])
def test_few_units_are_drawn_too_and_said_to_be_few(images, groups):
    units = resampling_units(images, groups)
    assert units.count in (4, 7)
    few = f"{units.count} {units.kind} are too few for an interval to be trusted"
    assert units.caution == f"{few}, {FEW} or more are wanted"


def test_one_group_says_nothing_about_others():
    units = resampling_units(101, ["0016E5"] * 101)
    assert (units.kind, units.count) == ("images", 101)
    assert "all 101 images are of one group" in units.caution
    assert resampling_units(1).caution == "one image says nothing about the spread over others"


def test_the_draws_are_the_same_however_they_are_cut(monkeypatch):
    whole = np.concatenate(list(draws(12, 100, seed=3, numbers=12)))
    monkeypatch.setattr("segue.metrics.units.CHUNK_BYTES", 8 * 12 * 7)
    parts = list(draws(12, 100, seed=3, numbers=12))
    assert max(map(len, parts)) == 7
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert (whole.sum(axis=1) == 12).all()
