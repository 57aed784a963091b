import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from segue.errors import DataError
from segue.trust.novelty import FALSE_ALARMS, MOST_BYTES, Familiar, conformal_limit, familiar, pooled


def kind(seed, count, features=32, spread=0.3, centre=None):
    """Features of images of one kind: positive, as after a ReLU, around a centre."""
    random = np.random.default_rng(seed)
    centre = np.random.default_rng(centre or 0).gamma(1.0, 1.0, features)
    return np.abs(centre + spread * random.normal(size=(count, features))).astype(np.float32)


def test_distances_are_cosine_distances_to_the_nearest():
    training, others = kind(0, 20), kind(1, 7, centre=5)
    expected = cdist(others.astype(float), training.astype(float), "cosine").min(axis=1)
    np.testing.assert_allclose(familiar(training, others).distances(others), expected, atol=2e-4)


def test_brightness_of_the_features_does_not_matter():
    known, some = familiar(kind(0, 20), kind(1, 30)), kind(2, 5)
    np.testing.assert_allclose(known.distances(some), known.distances(7 * some), atol=1e-6)


def test_another_kind_is_flagged_and_two_kinds_are_both_known():
    training = np.concatenate([kind(0, 40, centre=1), kind(1, 40, centre=2)])
    held_out = np.concatenate([kind(2, 40, centre=1), kind(3, 40, centre=2)])
    known = familiar(training, held_out)
    assert known.unlike(kind(4, 50, centre=3)).all()
    between = (kind(5, 50, centre=1) + kind(6, 50, centre=2)) / 2  # where a Gaussian over both heaps has its middle
    assert known.unlike(between).mean() > 0.9
    assert known.unlike(np.concatenate([kind(7, 200, centre=1), kind(8, 200, centre=2)])).mean() < 0.15


def test_images_like_the_held_out_ones_are_flagged_as_seldom_as_promised():
    random = np.random.default_rng(0)
    scores, new = random.gamma(2.0, 1.0, (4000, 60)), random.gamma(2.0, 1.0, (4000, 40))
    shares = [(some > conformal_limit(one, FALSE_ALARMS)).mean() for one, some in zip(scores, new, strict=True)]
    exact = 3 / 61  # the limit is the 58th of 60; a new score is as likely to take any of 61 places
    assert exact <= FALSE_ALARMS
    assert np.mean(shares) == pytest.approx(exact, abs=4 * np.std(shares) / math.sqrt(4000))


@pytest.mark.parametrize(("count", "share", "place"), [(19, 0.05, 19), (39, 0.05, 38), (9, 0.1, 9), (20, 0.05, 20)])
def test_the_limit_is_an_order_statistic(count, share, place):
    scores = np.random.default_rng(count).permutation(np.arange(1.0, count + 1))
    assert conformal_limit(scores, share) == place


@pytest.mark.parametrize(("count", "share"), [(18, 0.05), (8, 0.1), (0, 0.05)])
def test_with_too_few_held_out_images_nothing_is_flagged(count, share):
    assert conformal_limit(np.arange(float(count)), share) == math.inf
    assert not familiar(kind(0, 5), kind(1, count), share).unlike(kind(2, 9, centre=3)).any()


@pytest.mark.parametrize("features", [16, 512, 4096, 200_000])
def test_what_is_kept_is_small(features):
    training = np.random.default_rng(0).random((300 if features < 9999 else 3, features)).astype(np.float32)
    kept = familiar(training, training[:1]).directions
    assert kept.dtype == np.float16
    assert len(kept) == min(len(training), max(1, MOST_BYTES // (2 * features)))
    assert kept.nbytes <= max(MOST_BYTES, 2 * features)


def test_a_rare_kind_is_kept_among_many_images():
    training = np.concatenate([kind(0, 600, features=1024, centre=1), kind(1, 3, features=1024, centre=2)])
    known = familiar(training, kind(2, 40, features=1024, centre=1))
    assert len(known.directions) == 96
    assert not known.unlike(training[-3:]).any()


def test_features_that_are_no_numbers_are_unlike():
    known = familiar(kind(0, 9), kind(1, 40))
    assert known.unlike(np.full((1, 32), np.nan, np.float32)).all()


def test_an_image_without_any_activation_has_a_distance():
    known = Familiar(np.eye(3, dtype=np.float16), 0.5)
    np.testing.assert_array_equal(known.distances(np.zeros((1, 3), np.float32)), [1.0])


def test_a_map_is_pooled_over_its_positions():
    level = torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(pooled(level), level.mean((2, 3)).numpy(), rtol=1e-6)


def test_no_training_image():
    with pytest.raises(DataError, match="at least one training image"):
        familiar(kind(0, 0), kind(1, 5))
