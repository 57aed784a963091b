import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from segue.errors import DataError
from segue.trust.conformal import STEPS, by_group, control, images_needed, missed_share, steps_reached, thresholds


def published(losses, lambdas, alpha, bound=1):
    """`get_lhat` as the authors published it: their lambda falls with ours, and it has two corners that are wrong."""
    n = losses.shape[0]
    adjusted = (n / (n + 1)) * losses.mean(axis=0) + bound / (n + 1)
    return lambdas[max(np.argmax(adjusted >= alpha) - 1, 0)]


def curves(images, seed, hard=0.15):
    """Made-up images: the share of a class below each threshold, of probabilities that differ from image to image."""
    random = np.random.default_rng(seed)
    quality = random.beta(6, 1.2, images) * (random.random(images) > hard) + 0.02
    shares = random.beta(8 * quality[:, None] + 0.05, 1.0, (images, 60)).astype(np.float32)
    counts = np.stack([np.bincount(row, minlength=STEPS + 1) for row in steps_reached(shares)])
    return missed_share(counts)


# --- the rule --------------------------------------------------------------------------------------------------------


def test_the_step_is_the_last_one_that_satisfies_the_formula():
    losses, risk = curves(80, 0), 0.1
    n = len(losses)
    bounds = n / (n + 1) * losses.mean(axis=0) + 1 / (n + 1)
    step = control(losses, risk)
    assert bounds[step] <= risk < bounds[step + 1]


@settings(max_examples=10, deadline=None)
@given(st.integers(20, 120), st.floats(0.06, 0.5), st.integers(0, 99))
def test_away_from_its_corners_it_is_the_published_function(images, risk, seed):
    losses = curves(images, seed)
    bounds = (losses.sum(axis=0) + 1) / (images + 1)
    assume(np.abs(bounds - risk).min() > 1e-6)  # theirs refuses a step that meets the risk exactly
    steps = np.arange(STEPS + 1)
    assert control(losses, risk) == published(losses, steps, risk)


def test_a_step_that_meets_the_risk_exactly_is_allowed():
    losses = np.tile([0.0, 0.1, 0.2], (39, 1))  # (39 * 0.1 + 1) / 40 = 0.1225
    assert control(losses, 0.1225) == 1
    assert control(losses, 0.1224) == 0


def test_the_published_function_is_wrong_where_no_step_loses_too_much_and_ours_takes_the_last():
    losses = np.zeros((50, 11))
    assert published(losses, np.arange(11), 0.1) == 0
    assert control(losses, 0.1) == 10


def test_the_published_function_is_wrong_where_every_step_loses_too_much_and_ours_refuses():
    losses = np.full((50, 11), 0.6)
    assert published(losses, np.arange(11), 0.1) == 0
    with pytest.raises(DataError, match=r"a risk of 0\.1 is not attainable: 50 images lose 0\.600 at best"):
        control(losses, 0.1)


@pytest.mark.parametrize(("risk", "needed"), [(0.1, 9), (0.05, 19), (0.01, 99), (0.3, 3), (0.07, 14), (0.5, 1)])
def test_too_few_images_are_told_how_many_it_takes(risk, needed):
    assert images_needed(risk) == needed
    assert control(np.zeros((needed, 5)), risk) == 4
    message = f"a risk of {risk:g} is not attainable: expected at least {needed} groups, got {needed - 1}"
    with pytest.raises(DataError, match=re.escape(message)):
        control(np.zeros((needed - 1, 5)), risk, unit="groups")


def test_no_image_at_all_is_refused_like_too_few():
    with pytest.raises(DataError, match="expected at least 9 images, got 0"):
        control(np.zeros((0, 5)), 0.1)


@pytest.mark.parametrize("losses", [[[0.5, 0.4]], [[0.0, 1.2]], [[-0.1, 0.2]]])
def test_what_are_no_rising_losses_is_refused(losses):
    with pytest.raises(DataError, match="expected losses between 0 and 1 that never fall"):
        control(np.repeat(losses, 30, axis=0), 0.1)


@pytest.mark.parametrize("risk", [0.1, 0.2])
def test_the_mean_risk_of_500_splits_stays_under_what_was_asked(risk):
    """The guarantee itself, and that it is not bought with marking everything."""
    population, random = curves(400, 1), np.random.default_rng(2)
    risks, steps = [], []
    for _ in range(500):
        order = random.permutation(400)
        step = control(population[order[:60]], risk)
        risks.append(population[order[60:], step].mean())
        steps.append(step)
    error = np.std(risks) / np.sqrt(len(risks))
    assert np.mean(risks) <= risk + 2 * error
    assert np.mean(risks) >= risk - 2 / 61 - 2 * error  # the theorem's lower bound
    assert np.mean(thresholds()[steps]) > 0.01


def test_frames_of_one_drive_are_one_draw_and_single_images_would_promise_too_much():
    """Groups with a quality of their own: drawn by group the promise holds for new groups, by image it breaks."""
    risks = {"groups": [], "images": []}
    for trial in range(100):
        own = [np.repeat(curves(1, 1000 * trial + g, hard=0.3), 10, axis=0) for g in range(12)]
        calibration, new = np.concatenate(own[:10]), np.concatenate(own[10:])
        names = [f"{i // 10}" for i in range(100)]
        for unit, losses in (("groups", by_group(calibration, names)), ("images", calibration)):
            risks[unit].append(new[:, control(losses, 0.15)].mean())
    error = 2 * np.std(risks["groups"]) / np.sqrt(100)
    assert np.mean(risks["groups"]) <= 0.15 + error
    assert np.mean(risks["images"]) > np.mean(risks["groups"]) + 0.02


# --- its pieces ------------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=50))
def test_a_probability_reaches_the_last_threshold_that_is_not_above_it(values):
    probabilities = np.array(values, np.float32)
    expected = (probabilities[:, None] >= thresholds()).sum(axis=1) - 1
    np.testing.assert_array_equal(steps_reached(probabilities), expected)


def test_a_probability_at_a_threshold_reaches_it():
    np.testing.assert_array_equal(steps_reached(thresholds()), np.arange(STEPS + 1))
    below = np.nextafter(thresholds()[1:], np.float32(0))
    np.testing.assert_array_equal(steps_reached(below), np.arange(STEPS))


def test_what_is_missed_is_what_lies_below():
    shares = np.random.default_rng(0).beta(0.5, 0.5, 3000).astype(np.float32)
    missed = missed_share(np.bincount(steps_reached(shares), minlength=STEPS + 1))
    np.testing.assert_allclose(missed, [(shares < threshold).mean() for threshold in thresholds()])
    assert missed[0] == 0


def test_a_group_counts_as_the_mean_of_its_images():
    losses = np.array([[0.0, 0.2], [0.0, 0.6], [0.1, 0.5]])
    np.testing.assert_allclose(by_group(losses, ["a", "a", "b"]), [[0.0, 0.4], [0.1, 0.5]])
