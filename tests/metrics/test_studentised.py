import time

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import t as student

from segue.metrics.confusion import scores
from segue.metrics.studentised import class_iou, gain, intervals, mean_iou, miou_interval, overlap, standard_error
from segue.metrics.units import resampling_units


def random_matrices(n, classes=4, seed=0, spread=0.3):
    random = np.random.default_rng(seed)
    skill = np.clip(random.normal(0.6, spread, n), 0.05, 0.95)
    noise = random.integers(1, 200, (n, classes, classes))
    return (noise * (1 - skill[:, None, None]) + np.eye(classes) * 800 * skill[:, None, None]).astype(np.int64)


def interval(matrices, groups=(), **options):
    return miou_interval(matrices, resampling_units(len(matrices), groups), **options)


def miou(matrices):
    return scores(matrices.sum(axis=0)).miou


def mean(matrix, present):
    hits = np.diagonal(matrix)
    return (hits / np.maximum(matrix.sum(axis=0) + matrix.sum(axis=1) - hits, 1e-30))[present].mean()


def error_by_hand(units, counts):
    """The standard error of the mean IoU of a draw: each unit counted a little more, by differences."""
    tiny = 1e-6
    total = (counts[:, None, None] * units).sum(axis=0)
    present = total.sum(axis=0) + total.sum(axis=1) > 0  # a class that comes in anew is a jump, not a slope
    change = np.array([(mean(total + tiny * one, present) - mean(total, present)) / tiny for one in units])
    n = len(units)
    return np.sqrt(n / (n - 1) * (counts * change**2).sum())


def by_hand(units, resamples, seed):
    """The interval, one draw at a time."""
    random = np.random.Generator(np.random.Philox(key=seed))
    n = len(units)
    value = miou(units)

    def as_logit(counts):
        one = miou(np.repeat(units, counts, axis=0))
        return logit(one), error_by_hand(units, counts) / (one * (1 - one))

    drawn = np.array([as_logit(c) for c in random.multinomial(n, np.full(n, 1 / n), size=resamples)])
    needed = np.quantile(np.abs(drawn[:, 0] - logit(value)) / drawn[:, 1], 0.95)
    width = max(needed, student.ppf(0.975, n - 1)) * as_logit(np.ones(n, int))[1]
    return expit(logit(value) - width), expit(logit(value) + width)


def test_equals_working_off_one_draw_at_a_time():
    matrices = random_matrices(13)
    ours = interval(matrices, resamples=150, seed=3)
    assert (ours.low, ours.high) == pytest.approx(by_hand(matrices, 150, 3), abs=1e-5)
    assert (ours.unit, ours.units) == ("images", 13)


def test_classes_absent_from_a_draw_are_left_out_of_its_mean():
    matrices = np.zeros((6, 3, 3), np.int64)
    matrices[:, 0, 0] = [9, 8, 7, 9, 6, 9]
    matrices[:, 0, 1] = [3, 3, 3, 1, 2, 1]
    matrices[0, 2, 2] = 5  # class 2 lives in one image only: many draws miss it
    ours = interval(matrices, resamples=120)
    assert (ours.low, ours.high) == pytest.approx(by_hand(matrices, 120, 0), abs=1e-5)


def test_whole_groups_are_drawn_when_images_share_groups():
    matrices = random_matrices(30)
    ours = interval(matrices, [f"video{i // 5:02d}" for i in range(30)], resamples=200)
    of_sums = interval(matrices.reshape(6, 5, 4, 4).sum(axis=1), resamples=200)
    assert (ours.low, ours.high) == (of_sums.low, of_sums.high)
    assert (ours.unit, ours.units) == ("groups", 6)
    assert "6 groups are too few" in ours.caution


def test_copies_of_the_same_images_do_not_narrow_a_clustered_interval():
    base = random_matrices(12)
    once = interval(base, resamples=500)
    copies = np.repeat(base, 10, axis=0)
    clustered = interval(copies, [f"g{i // 10:02d}" for i in range(120)], resamples=500)
    naive = interval(copies, resamples=500)
    assert clustered.high - clustered.low == pytest.approx(once.high - once.low)
    assert naive.high - naive.low < 0.6 * (once.high - once.low)


def test_it_is_never_narrower_than_students_t():
    matrices = random_matrices(5, spread=0.02)
    ours = interval(matrices, resamples=300)
    value = miou(matrices)
    error = error_by_hand(matrices, np.ones(5)) / (value * (1 - value))
    assert logit(ours.high) - logit(value) >= student.ppf(0.975, 4) * error - 1e-9


def test_the_seed_alone_decides():
    matrices = random_matrices(20)
    matrices[0] *= 30  # one large image: Student's t is too narrow, and the draws decide
    assert interval(matrices, seed=1) == interval(matrices, seed=1)
    assert interval(matrices, seed=1) != interval(matrices, seed=2)


def test_one_image_or_nothing_labelled_has_no_interval():
    assert np.isnan(interval(random_matrices(1)).low)
    assert np.isnan(interval(np.zeros((4, 2, 2), np.int64)).high)


@pytest.mark.parametrize("matrix", [np.diag([5, 5]), np.array([[0, 5], [5, 0]]), np.array([[5, 5], [0, 5]])])
def test_images_that_all_agree_give_an_interval_of_no_width(matrix):
    same = np.repeat(matrix[None], 12, axis=0)
    ours = interval(same)
    assert (ours.low, ours.high) == pytest.approx((miou(same), miou(same)))


def test_ends_lie_in_0_to_1():
    matrices = random_matrices(3, spread=0.5)
    ours = interval(matrices, resamples=200)
    assert 0 <= ours.low < miou(matrices) < ours.high <= 1


def test_a_gain_is_the_difference_of_the_same_draws():
    first, second = random_matrices(15), random_matrices(15, seed=1)
    units = resampling_units(15)
    draw = np.random.default_rng(0).multinomial(15, np.full(15, 1 / 15), size=4).astype(float)
    one, other = mean_iou(overlap(first)), mean_iou(overlap(second))
    expected = [miou(np.repeat(second, c, 0)) - miou(np.repeat(first, c, 0)) for c in draw.astype(int)]
    np.testing.assert_allclose(gain(one, other)(draw).value, expected)
    assert intervals([gain(one, one)], units)[0].high == 0.0  # a run and itself


def test_the_influence_of_a_unit_is_what_counting_it_more_changes():
    matrices = random_matrices(7)
    matrices[3:, :, 2] = matrices[3:, 2, :] = 0
    draw = np.array([[2.0, 0, 1, 1, 3, 0, 0], [0, 0, 0, 3, 2, 2, 0]])  # the second draw lacks class 2
    for score in (mean_iou(overlap(matrices)), class_iou(overlap(matrices), 2), class_iou(overlap(matrices), 0)):
        for unit in range(3, 7):
            more = draw.copy()
            more[:, unit] += 1e-6
            np.testing.assert_allclose(
                (score(more).value - score(draw).value) / 1e-6, score(draw).influence[:, unit], atol=1e-5
            )
    assert np.isnan(class_iou(overlap(matrices), 2)(draw).value[1])


def test_the_standard_error_of_a_plain_mean_is_the_known_one():
    hits = np.array([30, 50, 45, 70, 61])  # all unions are alike, so the IoU is a mean over images
    matrices = np.zeros((5, 2, 2), np.int64)
    matrices[:, 0, 0], matrices[:, 0, 1] = hits, 100 - hits
    ones = np.ones((1, 5))
    error = standard_error(class_iou(overlap(matrices), 0)(ones), ones)
    assert error == pytest.approx(np.std(hits / 100, ddof=1) / np.sqrt(5))


@pytest.mark.slow
@pytest.mark.parametrize("n", [10, 20, 60])
def test_covers_the_true_value_as_often_as_it_says(n):
    population = random_matrices(20_000, seed=9)
    truth = miou(population)
    random = np.random.default_rng(4)
    hits = 0
    for trial in range(500):
        ours = interval(population[random.integers(0, 20_000, n)], resamples=400, seed=trial)
        hits += ours.low <= truth <= ours.high
    assert 0.925 <= hits / 500 <= 0.985


def test_a_hundred_images_take_milliseconds():
    matrices = random_matrices(101, classes=12)
    start = time.perf_counter()
    interval(matrices)
    assert time.perf_counter() - start < 0.5
