"""Scores of transferability against closed forms, bounds and the mistakes of published code."""

import numpy as np
import pytest

from segue.planning.transferability import SCORES
from segue.planning.transferability.gbc import SMALLEST_VARIANCE, gbc
from segue.planning.transferability.hscore import hscore
from segue.planning.transferability.logme import Spectrum, logme
from segue.planning.transferability.ridge_probe import FOLDS, fit_ridge, gcv_error, ridge_probe


def blobs(apart, count=300, channels=6, classes=3, seed=0):
    """Features whose class means lie `apart` standard deviations from each other along one axis each."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    means = apart * np.eye(classes, channels)
    return random.normal(size=(count, channels)) + means[labels], labels


def direct_evidence(features, target, alpha, beta):
    """The log of the Gaussian density of a target with covariance 1/beta + F F^T / alpha, per sample."""
    count = len(target)
    covariance = np.eye(count) / beta + features @ features.T / alpha
    _, logdet = np.linalg.slogdet(covariance)
    return -0.5 * (count * np.log(2 * np.pi) + logdet + target @ np.linalg.solve(covariance, target)) / count


@pytest.mark.parametrize("name", SCORES.names())
def test_every_score_is_larger_when_classes_lie_further_apart(name):
    values = [SCORES[name](*blobs(apart)) for apart in (0.0, 1.0, 3.0, 6.0)]
    assert values == sorted(values)
    assert values[-1] > values[0]


@pytest.mark.parametrize("name", SCORES.names())
def test_no_score_minds_what_classes_are_called_nor_the_order_of_pixels(name):
    features, labels = blobs(1.0)
    order = np.random.default_rng(1).permutation(len(labels))
    names = np.array([40, 2, 7])
    assert SCORES[name](features[order], names[labels][order]) == pytest.approx(SCORES[name](features, labels))


@pytest.mark.parametrize("name", SCORES.names())
def test_no_score_minds_a_shift_or_a_turn_of_the_features(name):
    features, labels = blobs(1.0)
    turn, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(6, 6)))
    assert SCORES[name](features @ turn + 5.0, labels) == pytest.approx(SCORES[name](features, labels), rel=1e-6)


# --- LogME -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(60, 5), (20, 30)], ids=["more pixels than channels", "fewer"])
def test_the_evidence_is_that_of_the_gaussian_and_a_local_maximum_in_both_precisions(shape):
    features, labels = blobs(4.0, count=shape[0], channels=shape[1])
    members = labels == 0
    found = Spectrum.of(features).evidence(members)
    centred, target = features - features.mean(axis=0), members - members.mean()
    assert found.value == pytest.approx(direct_evidence(centred, target, found.alpha, found.beta), abs=1e-9)
    for factor in (0.8, 1.25):
        assert direct_evidence(centred, target, factor * found.alpha, found.beta) < found.value
        assert direct_evidence(centred, target, found.alpha, factor * found.beta) < found.value


def test_directions_without_variance_count_in_the_prior_alone():
    features, labels = blobs(1.5, count=60, channels=5)
    repeated = np.concatenate([features, features[:, :2], np.zeros((60, 3))], axis=1)
    found = Spectrum.of(repeated).evidence(labels == 0)
    centred, target = repeated - repeated.mean(axis=0), (labels == 0) - (labels == 0).mean()
    assert found.value == pytest.approx(direct_evidence(centred, target, found.alpha, found.beta), abs=1e-9)
    assert logme(np.concatenate([features, np.zeros((60, 3))], axis=1), labels) == pytest.approx(
        logme(features, labels)
    )


def test_a_class_without_a_pixel_adds_no_evidence():
    features, labels = blobs(1.0)
    gap = np.where(labels == 2, 9, labels)  # ids 2 to 8 occur nowhere
    assert logme(features, gap) == logme(features, labels)
    empty = Spectrum.of(features).evidence(np.zeros(len(labels), bool))
    assert empty.value > 4 * abs(logme(features, labels))  # what would have been averaged in


# --- GBC -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_equal_classes_reach_the_lower_bound_and_distant_ones_zero(classes):
    random = np.random.default_rng(0)
    same = np.tile(random.normal(size=(50, 4)), (classes, 1))
    labels = np.repeat(np.arange(classes), 50)
    assert gbc(same, labels) == pytest.approx(-classes * (classes - 1))
    assert gbc(same + 1000.0 * labels[:, None], labels) == pytest.approx(0, abs=1e-12)
    assert -classes * (classes - 1) <= gbc(random.normal(size=same.shape), labels) <= 0


def test_the_logarithm_counts_every_component():
    # two classes of equal mean, variances 1 and 4, in d components: each way the coefficient is (2 * 2 / 5) ** (d / 2)
    plain = np.array([[-1.0], [1.0]])
    for channels in (1, 3):
        corners = np.array(np.meshgrid(*[plain[:, 0]] * channels)).reshape(channels, -1).T
        features = np.concatenate([corners, 2 * corners])
        labels = np.repeat([0, 1], len(corners))
        assert gbc(features, labels) == pytest.approx(-2 * (4 / 5) ** (channels / 2))


def test_a_class_of_equal_pixels_has_the_smallest_variance_there_is():
    features = np.array([[0.0], [0.0], [1.0], [1.0]])
    distance = 1 / 8 / SMALLEST_VARIANCE
    assert gbc(features, np.array([0, 0, 1, 1])) == pytest.approx(-2 * np.exp(-distance), abs=1e-300)


# --- H-score ---------------------------------------------------------------------------------------------------------


def test_the_h_score_keeps_its_bound_on_nearly_singular_features():
    random = np.random.default_rng(0)
    labels = random.integers(0, 19, 100)
    features = (random.normal(size=(100, 3)) @ random.normal(size=(3, 200)) + labels[:, None]).astype(np.float32)
    features[:, :3] *= 1e6
    assert 0 <= hscore(features, labels) <= 18  # published values for 19 classes are 248 to 1277


def test_the_h_score_of_separable_classes_is_near_its_bound():
    features, labels = blobs(100.0, count=3000)
    assert hscore(features, labels) == pytest.approx(2, abs=0.01)


# --- ridge probe -----------------------------------------------------------------------------------------------------


def test_the_ridge_solves_the_normal_equations_with_the_penalty_of_least_gcv_error():
    random = np.random.default_rng(0)
    features, targets = random.normal(size=(40, 7)) + 3, random.normal(size=(40, 3))
    model = fit_ridge(features, targets)
    with_one = np.concatenate([features, np.ones((40, 1))], axis=1)
    penalty = np.diag([model.penalty] * 7 + [0.0])  # the intercept is free
    solved = np.linalg.solve(with_one.T @ with_one + penalty, with_one.T @ targets)
    np.testing.assert_allclose(model.predict(features), with_one @ solved, atol=1e-9)


def test_the_gcv_error_is_that_of_the_hat_matrix():
    random = np.random.default_rng(1)
    features, targets = random.normal(size=(30, 5)), random.normal(size=(30, 2))
    centred, wanted = features - features.mean(axis=0), targets - targets.mean(axis=0)
    sigma, vectors = np.linalg.eigh(centred.T @ centred)
    penalty = 0.7
    hat = centred @ np.linalg.inv(centred.T @ centred + penalty * np.eye(5)) @ centred.T
    residual = ((wanted - hat @ wanted) ** 2).sum() / 30
    freedom = 1 - (np.trace(hat) + 1) / 30
    found = gcv_error(sigma, vectors.T @ (centred.T @ wanted), (wanted**2).sum(), 30, penalty)
    assert found == pytest.approx(residual / freedom**2)


def test_the_probe_knows_separable_classes_and_guesses_noise():
    images = np.arange(300) % 10
    assert ridge_probe(*blobs(8.0), images).miou > 0.98
    assert ridge_probe(*blobs(0.0), images).miou < 0.3


def test_pixels_of_an_image_never_answer_for_each_other():
    # every image has a colour of its own, and one class: what an image's own pixels know is worth nothing on others
    random = np.random.default_rng(0)
    images = np.repeat(np.arange(20), 30)
    labels = random.permutation(20)[images] % 2
    features = np.eye(20)[images] + 0.01 * random.normal(size=(600, 20))
    assert ridge_probe(features, labels, images).miou < 0.6
    assert ridge_probe(features, labels, random.permutation(600)).miou > 0.95
    assert len(ridge_probe(features, labels, images).penalties) == FOLDS
