"""How often a run is validated, and on how many images."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.train.state import State, state_from_dict
from segue.train.validation_share import (
    LEAST_IMAGES,
    MOST_IMAGES,
    MOST_TIMES,
    PER_PIXEL,
    SHARE,
    Validating,
    by_room,
    by_seconds,
    by_steps,
)


@given(st.integers(1, 10**6), st.floats(1.0, 20.0), st.integers(1, 10**6))
def test_validations_take_a_tenth_of_the_training_unless_that_would_be_too_little(seen, zoom, images):
    found = by_steps(seen, zoom, images, None)
    cost = found.times * found.images * PER_PIXEL * zoom**2
    assert cost <= SHARE * seen * (1 + 1e-9) or found == Validating(2, min(images, LEAST_IMAGES))
    assert 2 <= found.times <= MOST_TIMES
    assert min(images, LEAST_IMAGES) <= found.images <= min(images, MOST_IMAGES)


@given(st.floats(0, 10**5), st.floats(0, 10**5), st.integers(1, 1000))
def test_more_room_is_never_less_validation(room, more, images):
    less, greater = by_room(room, images, None), by_room(room + more, images, None)
    assert greater.times >= less.times
    assert greater.times * greater.images + greater.times > less.times * less.images  # but for rounding down


def test_a_number_that_was_given_stands_and_looks_at_all_images():
    assert by_seconds(1.0, 1.0, 150, 7) == Validating(7, 150)
    assert by_steps(8, 1.4, 1000, 1) == Validating(1, MOST_IMAGES)


def test_a_state_keeps_it_and_one_of_earlier_runs_gets_what_they_did():
    state = State(total_steps=5, validating=Validating(3, 17))
    written = json.loads(json.dumps(state.to_dict()))
    assert state_from_dict(written) == state
    del written["validating"]
    assert state_from_dict(written).validating == Validating(10, 200)


@pytest.mark.parametrize(("seconds", "times"), [(20, 2), (130, 10)])
def test_a_minute_is_not_spent_on_looking(seconds, times):
    found = by_seconds(seconds, 0.04, 101, None)
    assert found.times == pytest.approx(times, abs=1)
    assert found.times * found.images * 0.04 <= 0.1 * seconds + 1e-9
