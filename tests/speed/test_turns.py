"""Turns: what is counted, for how long, and what is made of it; by a clock of the test's own."""

import pytest

from segue.speed.turns import LEAST, MEANT, in_parts, in_turns, repeated, timing


class Clock:
    def __init__(self):
        self.time = 100.0

    def __call__(self):
        return self.time


def ignore(_share, _text):
    pass


def slice_of(clock, name, calls, cost):
    """Work that takes `cost` seconds, or as long as it is told to where that is longer."""

    def work(seconds):
        calls.append((name, seconds))
        clock.time += max(cost, seconds)
        return {name: cost}

    return work


def test_the_slices_take_turns_share_the_time_and_the_first_round_is_not_counted():
    clock, calls, said = Clock(), [], []
    slices = {name: slice_of(clock, name, calls, 0.5) for name in "ab"}
    found = in_turns(slices, 11.0, lambda share, text: said.append((share, text)), clock)
    assert calls[:2] == [("a", 0.0), ("b", 0.0)]
    assert calls[2:] == [("a", 1.0), ("b", 1.0)] * MEANT, "11 seconds less one, in five rounds of two"
    assert {name: one.repeats for name, one in found.items()} == {"a": MEANT, "b": MEANT}
    assert [text for _, text in said[:3]] == ["a (first time)", "b (first time)", "a"]
    shares = [share for share, _ in said]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] <= 1


def test_three_rounds_are_counted_however_long_they_take_and_no_more():
    clock, calls = Clock(), []
    found = in_turns({"slow": slice_of(clock, "slow", calls, 50.0)}, 10.0, ignore, clock)
    assert found["slow"].repeats == LEAST == 3
    assert [seconds for _, seconds in calls] == [0.0] * 4, "the time was up before the first round"


@pytest.mark.parametrize(("seconds", "rounds"), [(17.9, 3), (18.1, 4), (22.1, 5)])
def test_a_round_is_begun_where_half_of_it_fits(seconds, rounds):
    clock, calls = Clock(), []
    in_turns({"a": slice_of(clock, "a", calls, 4.0)}, seconds, ignore, clock)
    assert len(calls) == 1 + rounds


def test_a_disturbed_repeat_moves_neither_median_nor_spread_far():
    assert timing([1.0, 1.0, 1.0, 1.0, 9.0]).seconds == 1.0
    assert timing([1.0, 1.0, 1.0, 1.0, 9.0]).spread == 0.0
    assert timing([4.0, 2.0, 6.0]).spread == pytest.approx((5 - 3) / 4)
    assert timing([4.0]).rate == 0.25
    assert timing([0.0, 0.0, 0.0]).spread == 0.0, "fp16 may leave out an update"


def test_repeated_work_is_done_once_at_least_and_until_the_time_is_over():
    clock = Clock()

    def four():
        clock.time += 2.0
        return 4

    assert repeated(four, 0.0, clock) == 0.5
    assert clock.time == 102.0
    assert repeated(four, 5.0, clock) == 0.5
    assert clock.time == 108.0


def test_the_parts_of_repeated_work_are_their_means():
    clock, left = Clock(), [{"x": 1.0, "y": 2.0}, {"x": 3.0, "y": 6.0}]

    def work():
        clock.time += 1.0
        return left.pop()

    assert in_parts(work, 2.0, clock) == {"x": 2.0, "y": 4.0}
