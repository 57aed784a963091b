import math

import numpy as np
import pytest

from segue.metrics.confusion import scores
from segue.metrics.units import resampling_units
from segue.trust.forecast import (
    SHARE,
    Curve,
    Forecast,
    Trainings,
    forecast,
    geometric,
    power_law,
    uncertainty,
)


@pytest.mark.parametrize("doublings", [1, 2, 3, 0.5])
def test_each_doubling_brings_the_share_of_the_one_before(doublings):
    """The rule as it is published: v + g r (1 - r^d) / (1 - r), with the gain g of the last doubling."""
    value, gain, r = 0.66, 0.05, SHARE
    curve = geometric([50, 100], [value - gain, value])
    expected = value + gain * r * (1 - r**doublings) / (1 - r)
    assert curve.at(100 * 2**doublings) == pytest.approx(expected)
    assert curve.asymptote == pytest.approx(value + 1.5 * gain)
    assert curve.at(100) == pytest.approx(value)
    assert curve.at(50) == pytest.approx(value - gain)


def test_of_three_trainings_it_is_the_least_squares_curve():
    mious = [0.53, 0.613, 0.625]
    steps = SHARE ** np.array([-2.0, -1.0, 0.0])
    slope, asymptote = np.polyfit(steps, mious, 1)
    curve = geometric([23, 46, 92], mious)
    assert (curve.asymptote, curve.reach) == pytest.approx((asymptote, -slope))
    assert curve == geometric([11, 23, 46, 92], [0.1, *mious]), "the largest three alone"


def test_the_number_needed_is_the_inverse_of_the_forecast():
    curve = geometric([46, 92], [0.5, 0.6])
    for target in (0.55, 0.6, 0.65, 0.7, 0.74):
        assert curve.at(curve.needed(target)) == pytest.approx(target)
    d = math.log(1 - (0.7 - 0.6) * (1 - SHARE) / (0.1 * SHARE)) / math.log(SHARE)  # as published
    assert curve.needed(0.7) == pytest.approx(92 * 2**d)


def test_beyond_the_asymptote_nothing_helps():
    curve = geometric([50, 100], [0.6, 0.65])
    assert curve.needed(0.725) is None
    assert curve.needed(0.7249999) is None  # thousands of times the labels
    flat = geometric([50, 100], [0.66, 0.65])
    assert (flat.asymptote, flat.at(200), flat.needed(0.66)) == (0.65, 0.65, None)
    assert flat.needed(0.65) == flat.needed(0.6) == 100, "reached with the images there are"


@pytest.mark.parametrize("last", [0.9, 0.999, 1.0])
def test_no_forecast_is_above_1(last):
    """Half of the images taught little: a gain of 0.4 and 1.5 times that would be an mIoU of 1.5."""
    curve = geometric([50, 100], [0.5, last])
    assert curve.asymptote == 1.0
    assert last <= curve.at(200) <= curve.at(1600) <= 1
    assert curve.at(100) == pytest.approx(last)
    if last < 1:
        assert curve.at(50) == pytest.approx(0.5)


def test_sizes_that_are_no_exact_half_are_taken_as_they_are():
    curve = geometric([12, 25], [0.5, 0.6])
    assert curve.at(12) == pytest.approx(0.5)
    assert curve.at(25) == pytest.approx(0.6)


@pytest.mark.parametrize(("ceiling", "scale", "exponent"), [(0.9, 1.5, 0.5), (0.8, 3.0, 0.9), (1.0, 0.9, 0.2)])
def test_a_power_law_is_found_again(ceiling, scale, exponent):
    sizes = [23, 46, 92]
    mious = [ceiling - scale * n**-exponent for n in sizes]
    law = power_law(sizes, mious)
    assert law.at(400) == pytest.approx(ceiling - scale * 400**-exponent, abs=1e-6)
    assert law.asymptote == pytest.approx(ceiling, abs=1e-4)
    uneven = [20, 47, 90]
    law = power_law(uneven, [ceiling - scale * n**-exponent for n in uneven])
    assert law.at(400) == pytest.approx(ceiling - scale * 400**-exponent, abs=1e-6)


def test_no_power_law_ends_above_1_and_none_is_forced():
    law = power_law([25, 50, 100], [0.50, 0.60, 0.698])  # hardly slower: three points alone would promise 5.5
    assert law.asymptote == 1.0
    assert law.at(100) == pytest.approx(0.698)
    assert law.at(50) == pytest.approx(0.6)
    assert law.at(10**9) < 1
    assert power_law([25, 50, 100], [0.5, 0.6, 0.75]) is None  # the gains grow
    assert power_law([25, 50, 100], [0.5, 0.6, 0.59]) is None
    assert power_law([25, 50, 100], [0.6, 0.5, 0.7]) is None


def test_no_interval_is_narrower_than_the_worst_error_on_published_curves():
    assert uncertainty(1) == pytest.approx(0.025)
    assert uncertainty(2) == pytest.approx(0.032)
    assert uncertainty(0.2) == pytest.approx(0.025)
    curve = geometric([50, 100], [0.6, 0.65])
    said = Forecast((50, 100), (0.6, 0.65), curve, None, (curve,) * 20).at(200)
    assert (said.low, said.high) == pytest.approx((0.68 - 0.025, 0.68 + 0.025))
    assert said.power_law is None


def test_curves_that_differ_widen_the_interval():
    curve = geometric([50, 100], [0.6, 0.65])
    others = tuple(geometric([50, 100], [0.6, 0.65 + shift]) for shift in np.linspace(-0.1, 0.1, 41))
    said = Forecast((50, 100), (0.6, 0.65), curve, None, others).at(200)
    assert said.low < 0.56 < 0.78 < said.high


def test_at_best_and_at_worst_enclose_the_number_needed():
    curve = geometric([50, 100], [0.6, 0.7])
    said = Forecast((50, 100), (0.6, 0.7), curve, None, (curve,))
    forecast, best, worst = said.needed(0.76)
    assert 100 < best < forecast < worst
    assert said.needed(0.84) == (pytest.approx(curve.needed(0.84), abs=1), said.needed(0.84)[1], None)
    assert said.needed(0.97) == (None, None, None)


def trainings(values, n=60, spread=0.0, seed=0):
    """Evaluations of 1000 pixels a unit and two classes whose mean IoU is about `values` (sizes, seeds)."""
    random = np.random.default_rng(seed)
    matrices = np.zeros((*np.shape(values), n, 2, 2), np.int64)
    for place in np.ndindex(np.shape(values)):
        iou = np.clip(values[place[0]][place[1]] + random.normal(0, spread, n), 0.01, 0.99)
        wrong = np.round(500 * (1 - iou) / (1 + iou)).astype(int)  # the same mistakes both ways: both classes alike
        matrices[place] = np.moveaxis(np.array([[500 - wrong, wrong], [wrong, 500 - wrong]]), -1, 0)
    return Trainings(tuple(25 * 2**i for i in range(len(values))), matrices, resampling_units(n))


def test_the_scores_are_those_of_the_evaluations():
    many = trainings([[0.5, 0.55], [0.6, 0.62]], spread=0.1)
    expected = [np.mean([scores(one.sum(axis=0)).miou for one in size]) for size in many.matrices]
    assert many.mious() == pytest.approx(expected)
    drawn = many.drawn(resamples=400)
    assert drawn.shape == (400, 2)
    assert drawn.mean(axis=0) == pytest.approx(expected, abs=0.01)


def test_seeds_that_differ_widen_the_interval():
    same = forecast(trainings([[0.5, 0.5], [0.6, 0.6], [0.66, 0.66]]), resamples=300).at(200)
    differing = forecast(trainings([[0.5, 0.5], [0.6, 0.6], [0.58, 0.74]]), resamples=300).at(200)
    assert same.high - same.low == pytest.approx(0.05)
    assert differing.high - differing.low > 0.1


def test_curves_like_the_published_ones_are_forecast_within_the_interval():
    """Power laws with the exponents and ceilings of VOC to COCO, and the noise of a training: 2x after n/4, n/2, n."""
    random, errors, held = np.random.default_rng(0), [], 0
    for trial in range(40):
        ceiling, exponent, loss = random.uniform(0.6, 0.95), random.uniform(0.4, 0.9), random.uniform(0.1, 0.3)
        sizes = np.array([25, 50, 100, 200])
        mious = ceiling - loss * (sizes / 25.0) ** -exponent + random.normal(0, 0.004, 4)
        said = forecast(trainings([[v] for v in mious[:3]], n=30, spread=0.02, seed=trial), resamples=100).at(200)
        errors.append(abs(said.miou - mious[3]))
        held += said.low <= mious[3] <= said.high
    assert np.mean(errors) < 0.0125
    assert held / 40 >= 0.95


def test_a_curve_knows_its_own_numbers():
    curve = Curve(100, 0.8, 0.1)
    assert (curve.at(100), curve.at(200), curve.at(400)) == pytest.approx((0.7, 0.74, 0.764))
