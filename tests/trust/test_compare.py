import dataclasses

import numpy as np
import pytest

from segue.errors import DataError
from segue.infer.counts import Counts
from segue.metrics.bootstrap import Interval
from segue.metrics.confusion import scores
from segue.metrics.studentised import miou_interval
from segue.metrics.units import resampling_units
from segue.trust.compare import Comparison, Difference, compare

NAMES = ("road", "car", "sky")


def pair(n=30, effect=0.0, seed=0, groups=(), noise=0.05):
    """Two models on `n` images of 900 pixels: what makes one hard is shared, `effect` is what the second adds."""
    random = np.random.default_rng(seed)
    ease = np.clip(random.normal(0.75, 0.12, n), 0.2, 0.93)
    pixels = random.multinomial(900, [0.6, 0.3, 0.1], n) + 1

    def model(skill):
        hits = random.binomial(pixels, np.clip(skill, 0.02, 0.99)[:, None])
        matrices = np.zeros((n, 3, 3), np.int64)
        for c in range(3):
            wrong = pixels[:, c] - hits[:, c]
            one = random.binomial(wrong, 0.5)
            matrices[:, c, c], matrices[:, c, (c + 1) % 3], matrices[:, c, (c + 2) % 3] = hits[:, c], one, wrong - one
        return Counts(tuple(map(str, range(n))), tuple(groups) or ("",) * n, NAMES, matrices)

    return [model(ease + random.normal(0, noise, n) + gain) for gain in (0.0, effect)]


def test_the_difference_is_that_of_the_scores():
    first, second = pair(effect=0.1)
    said = compare(first, second)
    one, other = (scores(counts.matrices.sum(axis=0)) for counts in (first, second))
    assert (said.miou.first, said.miou.second) == (one.miou, other.miou)
    assert said.miou.value == pytest.approx(other.miou - one.miou)
    assert [said.classes[name].value for name in NAMES] == pytest.approx((other.class_iou - one.class_iou).tolist())
    assert said.miou.interval.low < said.miou.value < said.miou.interval.high
    assert (said.images, said.answer) == (30, "second")
    assert compare(second, first).answer == "first"


def test_a_run_is_no_better_than_itself():
    first, _ = pair()
    said = compare(first, first)
    assert (said.miou.interval.low, said.miou.interval.high, said.answer) == (0.0, 0.0, "alike")


def test_order_of_images_and_of_classes_does_not_matter():
    first, second = pair(effect=0.03)
    order, classes = np.random.default_rng(1).permutation(30), [2, 0, 1]
    shuffled = Counts(
        tuple(second.ids[i] for i in order),
        second.groups,
        tuple(NAMES[c] for c in classes),
        second.matrices[np.ix_(order, classes, classes)],
    )
    assert compare(first, shuffled) == compare(first, second)


def test_other_images_classes_or_labels_are_refused():
    first, second = pair()
    with pytest.raises(
        DataError, match=r"same images .* 2 are on one only \(29, thirty\).*segue compare RUN_A RUN_B DATA"
    ):
        compare(first, dataclasses.replace(second, ids=(*second.ids[:-1], "thirty")))
    with pytest.raises(DataError, match=r"same classes .* 2 are on one only \(bus, car\)"):
        compare(first, dataclasses.replace(second, names=("road", "bus", "sky")))
    labelled = second.matrices.copy()
    labelled[7, 0, 0] += 1
    with pytest.raises(DataError, match=r"1 of 30 images have others \(such as 7\)"):
        compare(first, dataclasses.replace(second, matrices=labelled))


def test_groups_are_drawn_whole():
    groups = [f"g{i // 3:02d}" for i in range(30)]
    said = compare(*pair(groups=groups))
    assert (said.miou.interval.unit, said.miou.interval.units) == ("groups", 10)


def test_pairing_finds_differences_that_two_intervals_side_by_side_hide():
    first, second = pair(n=60, effect=0.03, noise=0.01)
    said = compare(first, second)
    alone = [miou_interval(one.matrices, resampling_units(60)) for one in (first, second)]
    assert said.answer == "second"
    assert alone[0].high > alone[1].low  # they overlap
    paired = said.miou.interval.high - said.miou.interval.low
    assert paired < 0.5 * np.hypot(*(one.high - one.low for one in alone))


def answered(low, high, units=40, margin=0.01, unit="images"):
    return Comparison(Difference(0.5, 0.5, Interval(low, high, unit, units)), {}, 40, margin)


@pytest.mark.parametrize(
    ("low", "high", "answer"),
    [
        (0.001, 0.02, "second"),
        (-0.02, -0.001, "first"),
        (-0.01, 0.01, "alike"),
        (-0.01, 0.011, "unclear"),
        (0.0, 0.02, "unclear"),
        (float("nan"), float("nan"), "unclear"),
    ],
)
def test_the_answer_follows_from_interval_and_margin(low, high, answer):
    assert answered(low, high).answer == answer


def test_the_number_needed_makes_the_interval_as_narrow_as_the_margin():
    said = answered(-0.01, 0.03, units=40)
    assert said.needed == 40 * 16  # four times as wide as the margin
    assert answered(0.01, 0.03).needed is None  # answered
    assert answered(float("nan"), float("nan"), units=1).needed is None
    assert answered(-0.0001, 0.0101, units=40).needed == 42  # 41.6: always more than there are


def test_with_the_number_needed_there_is_an_answer():
    """An interval of that width cannot hold both 0 and a difference beyond the margin, wherever it lies."""
    for middle in np.linspace(-0.03, 0.03, 61):
        assert answered(middle - 0.00499, middle + 0.00499).answer != "unclear"


def rate(effect, n=30, pairs=500):
    found = [compare(*pair(n, effect, seed), resamples=300).answer for seed in range(pairs)]
    return sum(answer in ("first", "second") for answer in found) / pairs


@pytest.mark.slow
def test_a_difference_is_seldom_claimed_where_there_is_none():
    assert rate(0.0) <= 0.07


@pytest.mark.slow
def test_larger_differences_and_more_images_are_found_more_often():
    small, large = rate(0.01, pairs=100), rate(0.05, pairs=100)
    many = rate(0.01, n=120, pairs=100)
    assert small < large
    assert small < many
    assert large > 0.8
