import time

import numpy as np
import pytest

from segue.metrics.bootstrap import miou_interval
from segue.metrics.confusion import scores


def random_matrices(n, classes=4, seed=0, spread=0.3):
    random = np.random.default_rng(seed)
    skill = np.clip(random.normal(0.6, spread, n), 0.05, 0.95)
    noise = random.integers(1, 200, (n, classes, classes))
    return (noise * (1 - skill[:, None, None]) + np.eye(classes) * 800 * skill[:, None, None]).astype(np.int64)


def by_hand(units, resamples, seed):
    random = np.random.Generator(np.random.Philox(key=seed))
    n = len(units)
    values = []
    for counts in random.multinomial(n, np.full(n, 1 / n), size=resamples):
        drawn = np.repeat(units, counts, axis=0)
        values.append(scores(drawn.sum(axis=0)).miou)
    return np.quantile(values, [0.025, 0.975])


def test_equals_drawing_images_one_resample_at_a_time():
    matrices = random_matrices(13)
    interval = miou_interval(matrices, resamples=200, seed=3)
    assert [interval.low, interval.high] == pytest.approx(by_hand(matrices, 200, 3))
    assert (interval.unit, interval.units) == ("images", 13)


def test_classes_absent_from_a_draw_are_left_out_of_its_mean():
    matrices = np.zeros((6, 3, 3), np.int64)
    matrices[:, 0, 0] = 9
    matrices[:3, 0, 1] = 3
    matrices[0, 2, 2] = 5  # class 2 lives in one image only: many draws miss it
    interval = miou_interval(matrices, resamples=300)
    assert [interval.low, interval.high] == pytest.approx(by_hand(matrices, 300, 0))


def test_whole_groups_are_drawn_when_images_share_groups():
    matrices = random_matrices(30)
    groups = [f"video{i // 5}" for i in range(30)]
    interval = miou_interval(matrices, groups, resamples=200)
    sums = matrices.reshape(6, 5, 4, 4).sum(axis=1)
    assert [interval.low, interval.high] == pytest.approx(by_hand(sums, 200, 0))
    assert (interval.unit, interval.units) == ("groups", 6)


@pytest.mark.parametrize(
    "groups",
    [
        [],
        [""] * 30,  # no groups: each image stands alone
        [f"image{i}" for i in range(30)],  # as many groups as images
        [f"video{i % 4}" for i in range(30)],  # too few groups to resample
    ],
)
def test_images_are_drawn_otherwise(groups):
    interval = miou_interval(random_matrices(30), groups, resamples=100)
    assert (interval.unit, interval.units) == ("images", 30)


def test_copies_of_the_same_images_do_not_narrow_a_clustered_interval():
    base = random_matrices(8)
    once = miou_interval(base, resamples=500)
    copies = np.repeat(base, 10, axis=0)
    groups = [f"g{i // 10}" for i in range(80)]
    clustered, naive = miou_interval(copies, groups, resamples=500), miou_interval(copies, resamples=500)
    assert clustered.high - clustered.low == pytest.approx(once.high - once.low)
    assert naive.high - naive.low < 0.6 * (once.high - once.low)


def test_the_seed_alone_decides():
    matrices = random_matrices(20)
    assert miou_interval(matrices, seed=1) == miou_interval(matrices, seed=1)
    assert miou_interval(matrices, seed=1) != miou_interval(matrices, seed=2)


def test_one_image_says_nothing_about_the_spread():
    interval = miou_interval(random_matrices(1))
    assert np.isnan(interval.low)
    assert np.isnan(interval.high)


def test_nothing_labelled_has_no_interval():
    assert np.isnan(miou_interval(np.zeros((4, 2, 2), np.int64)).low)


@pytest.mark.slow
def test_covers_the_true_value_about_as_often_as_it_says():
    population = random_matrices(20_000, seed=9)
    truth = scores(population.sum(axis=0)).miou
    random = np.random.default_rng(4)
    hits = 0
    for trial in range(200):
        interval = miou_interval(population[random.integers(0, 20_000, 60)], resamples=400, seed=trial)
        hits += interval.low <= truth <= interval.high
    assert hits / 200 > 0.88


def test_a_hundred_images_take_milliseconds():
    matrices = random_matrices(101, classes=12)
    start = time.perf_counter()
    miou_interval(matrices)
    assert time.perf_counter() - start < 0.5
