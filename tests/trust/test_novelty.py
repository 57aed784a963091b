import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from segue.errors import DataError, WeightsError
from segue.trust.novelty import FALSE_ALARMS, FEWEST, MOST_BYTES, Familiar, conformal_limit
from segue.trust.novelty import familiar as familiar_of


def kind(seed, count, features=32, spread=0.3, centre=None):
    """Features of images of one kind: positive, as after a ReLU, around a centre."""
    random = np.random.default_rng(seed)
    centre = np.random.default_rng(centre or 0).gamma(1.0, 1.0, features)
    return np.abs(centre + spread * random.normal(size=(count, features))).astype(np.float32)


def familiar(training, held_out):
    return familiar_of(training, [row[None] for row in held_out])


def distances(known, features):
    return np.array([known.distance(row[None]) for row in features])


def unlike(known, features):
    return np.array([known.unlike(distance) for distance in distances(known, features)])


def test_distances_are_cosine_distances_to_the_nearest():
    training, others = kind(0, 20), kind(1, 7, centre=5)
    expected = cdist(others.astype(float), training.astype(float), "cosine").min(axis=1)
    np.testing.assert_allclose(distances(familiar(training, others), others), expected, atol=2e-4)


def test_brightness_of_the_features_does_not_matter():
    known, some = familiar(kind(0, 20), kind(1, 30)), kind(2, 5)
    np.testing.assert_allclose(distances(known, some), distances(known, 7 * some), atol=1e-6)


def test_another_kind_is_flagged_and_two_kinds_are_both_known():
    training = np.concatenate([kind(0, 40, centre=1), kind(1, 40, centre=2)])
    held_out = np.concatenate([kind(2, 40, centre=1), kind(3, 40, centre=2)])
    known = familiar(training, held_out)
    assert unlike(known, kind(4, 50, centre=3)).all()
    between = (kind(5, 50, centre=1) + kind(6, 50, centre=2)) / 2  # where a Gaussian over both heaps has its middle
    assert unlike(known, between).mean() > 0.9
    assert unlike(known, np.concatenate([kind(7, 200, centre=1), kind(8, 200, centre=2)])).mean() < 0.15


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
def test_with_too_few_held_out_images_there_is_no_limit(count, share):
    assert conformal_limit(np.arange(float(count)), share) == math.inf


def test_with_too_few_held_out_images_nothing_is_flagged():
    others = kind(2, 9, centre=3)
    assert not unlike(familiar(kind(0, 5), kind(1, FEWEST - 1)), others).any()
    assert unlike(familiar(kind(0, 5), kind(1, FEWEST)), others).all()


def test_an_image_in_tiles_is_unlike_when_more_than_half_of_them_are():
    known, near, far = familiar(kind(0, 40), kind(1, 40)), kind(2, 3), kind(3, 3, centre=3)
    assert not known.unlike(known.distance(np.concatenate([near, far])))
    assert known.unlike(known.distance(np.concatenate([near[:2], far])))
    assert known.distance(np.concatenate([near[:1], far[:2]])) == distances(known, far[:2]).min()


def test_features_of_another_encoder_are_refused():
    with pytest.raises(WeightsError, match="expected training images seen with 16 features, got 32"):
        familiar(kind(0, 9), kind(1, 40)).distance(np.ones((1, 16), np.float32))


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
    assert not unlike(known, training[-3:]).any()


def test_features_that_are_no_numbers_are_unlike():
    known = familiar(kind(0, 9), kind(1, 40))
    assert unlike(known, np.full((1, 32), np.nan, np.float32)).all()


def test_features_that_are_no_numbers_are_not_kept():
    training, held_out = kind(0, 9), kind(1, 40)
    training[3], held_out[:2] = np.inf, np.nan
    known = familiar(training, held_out)
    assert known.directions.shape == (8, 32)
    assert np.isfinite(known.held_out).all()
    assert (known.held_out[:2] == 2).all()


def test_an_image_without_any_activation_has_a_distance():
    known = Familiar(np.eye(3, dtype=np.float16), np.zeros(0))
    assert known.distance(np.zeros((1, 3), np.float32)) == 1.0


def test_no_training_image():
    with pytest.raises(DataError, match="at least one training image"):
        familiar(kind(0, 0), kind(1, 5))
