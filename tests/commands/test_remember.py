import dataclasses

import pytest

from segue.commands.remember import FEWEST, MOST, SHARE, affordable
from tiny_model import tiny_info


def prep(zoom):
    return dataclasses.replace(tiny_info().prep, zoom=zoom)


@pytest.mark.parametrize("zoom", [1.0, 2**0.5, 4.0, 20.0])
@pytest.mark.parametrize("steps", [500, 2000, 50_000])
def test_looking_at_training_images_costs_a_small_share_of_training(steps, zoom):
    looked = affordable(steps, 8, prep(zoom)) * zoom**2 / 3  # in steps of one sample, of which a look is a third
    assert looked <= max(SHARE * steps * 8, 2 * zoom**2 / 3, 2 * FEWEST / 3 + 1) + zoom**2 / 6  # rounded to an image
    assert 2 <= affordable(steps, 8, prep(zoom)) <= MOST


def test_after_few_steps_some_images_are_looked_at_all_the_same():
    assert affordable(6, 2, prep(2**0.5)) == FEWEST
    assert affordable(800, 8, prep(2**0.5)) == 192
