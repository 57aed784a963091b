"""Sizes, steps and seconds, on a clock that does what it is told."""

import pytest

from segue.style.budget import FEWEST, MOST, PROBE, Budget, Cost, affordable
from segue.style.pyramid import Level, pyramid, sizes


def test_a_pyramid_ends_with_the_size_and_begins_at_128():
    assert pyramid((384, 512)) == (Level(96, 128, 300), Level(192, 256, 200), Level(384, 512, 100))
    assert sizes((200, 100)) == [(200, 100)]


def test_levels_and_steps_are_as_asked_for():
    assert [level.size for level in pyramid((400, 301), levels=3)] == [(100, 75), (200, 150), (400, 301)]
    assert [level.steps for level in pyramid((64, 64), (7, 5), None)] == [7, 5]
    assert [level.steps for level in pyramid((512, 512), (1,))] == [1, 1, 1]


def test_no_level_is_smaller_than_the_network_sees():
    assert sizes((40, 1024), smallest=16) == [(20, 512), (40, 1024)]


class Clock:
    """A clock on which every step takes as long as its pixels say."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def painted(budget, clock, levels, seconds_of):
    steps = []
    for number, level in enumerate(levels):
        done = 0
        while budget.more(number, done):
            clock.now += seconds_of(number, level)
            done += 1
        steps.append(done)
    return steps


PER_PIXEL = 1e-5
LEVELS = sizes((384, 512))


def test_a_budget_is_used_and_kept():
    clock = Clock()
    budget = Budget(60, clock.now, clock)
    clock.now += 5  # importing and reading
    budget.divide(LEVELS)
    steps = painted(budget, clock, LEVELS, lambda _, size: PER_PIXEL * size[0] * size[1])
    assert 100 + 60 - 0.03 * 60 - PER_PIXEL * 384 * 512 <= clock.now <= 100 + 60
    assert steps[0] > steps[1] > steps[2] > 5, "as the shares say: most at the coarsest"
    assert steps[0] / steps[2] == pytest.approx(3, rel=0.2)


def test_a_budget_is_kept_when_steps_turn_out_slower():
    clock = Clock()
    budget = Budget(60, clock.now, clock)
    budget.divide(LEVELS)
    painted(budget, clock, LEVELS, lambda number, size: (1 + number) * PER_PIXEL * size[0] * size[1])
    assert clock.now <= 160


def test_every_size_gets_a_step_when_nothing_is_left():
    clock = Clock()
    budget = Budget(10, clock.now, clock)
    clock.now += 30
    budget.divide(LEVELS)
    assert budget.left() == 0
    assert painted(budget, clock, LEVELS, lambda *_: 1.0) == [1, 1, 1]


def test_a_long_budget_ends_where_nothing_changes_any_more():
    clock = Clock()
    budget = Budget(1e6, clock.now, clock)
    budget.divide(LEVELS)
    assert sum(painted(budget, clock, LEVELS, lambda *_: 1e-3)) == MOST


def test_the_size_is_the_largest_that_has_enough_steps():
    whole = (768, 1024)

    def cost(size):
        count = len(sizes(size))
        return PER_PIXEL * sum(FEWEST * (count - i) * h * w for i, (h, w) in enumerate(sizes(size)))

    assert affordable(whole, cost(whole) + 1, Cost(PER_PIXEL)) == whole
    for seconds in (300, 100, 30):
        found = affordable(whole, seconds, Cost(PER_PIXEL))
        assert cost(found) <= seconds < cost(tuple(round(side * 2**0.5) for side in found)) * 1.02
    assert max(affordable(whole, 0.001, Cost(PER_PIXEL))) == pytest.approx(128, abs=1), "and never below the probe"


def test_what_costs_the_same_at_any_size_is_not_taken_for_pixels():
    """CLIP looks at as many patches of a small picture: 4 s of a step are its, and 1 s at 1024 pixels the picture's."""
    whole = (768, 1024)
    cost = Cost(step=1 / (768 * 1024), step_fixed=4.0)
    assert affordable(whole, 310, cost, levels=1) == whole, "60 steps of 5 s"
    assert affordable(whole, 100, cost, levels=1) == whole, "a smaller one would have hardly a step more"
    dear = Cost(step=40 / (768 * 1024), step_fixed=4.0)
    found = affordable(whole, 100, dear, levels=1)
    pixels = found[0] * found[1]
    assert dear.step * pixels <= dear.step_fixed < 2.1 * dear.step * pixels


def test_looking_at_styles_is_paid_for_at_every_size():
    whole, step = (384, 512), Cost(PER_PIXEL)
    seconds = sum(step.of(FEWEST * (3 - place), one[0] * one[1]) for place, one in enumerate(sizes(whole))) + 0.1
    assert affordable(whole, seconds, step) == whole
    assert max(affordable(whole, seconds, Cost(PER_PIXEL, size=20 * PER_PIXEL))) < 512
    assert max(affordable(whole, seconds, Cost(PER_PIXEL, size_fixed=1.0))) < 512


def test_no_size_is_tried_that_the_network_cannot_see():
    assert max(affordable((40, 2000), 0.001, Cost(PER_PIXEL), smallest=8, least=400)) >= 400
    assert PROBE < 400
