import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import multiclass_calibration_error

from segue.trust.calibration import BINS, class_reliability, class_wise_error, expected_error, reliability


def drawn(pixels=3000, classes=5, seed=0):
    random = np.random.default_rng(seed)
    shares = random.dirichlet(np.full(classes, 0.4), pixels).astype(np.float32)
    labels = random.integers(0, classes, pixels).astype(np.uint8)
    return shares, labels


def by_hand(shares, labels, bins=BINS):
    """The definition, pixel by pixel."""
    members = [[] for _ in range(bins)]
    for row, label in zip(shares, labels, strict=True):
        if label != 255:
            members[min(int(float(row.max()) * bins), bins - 1)].append((float(row.max()), row.argmax() == label))
    total = sum(map(len, members))
    gaps = (abs(np.mean([c for c, _ in one]) - np.mean([h for _, h in one])) * len(one) for one in members if one)
    return sum(gaps) / total


def test_the_error_is_the_definition_written_out():
    shares, labels = drawn()
    labels[::7] = 255
    assert expected_error(reliability(shares, labels)) == pytest.approx(by_hand(shares, labels), abs=1e-6)


@pytest.mark.parametrize("bins", [10, 15])
def test_the_error_is_that_of_torchmetrics(bins):
    shares, labels = drawn()
    theirs = multiclass_calibration_error(torch.from_numpy(shares), torch.from_numpy(labels).long(), 5, bins, "l1")
    assert expected_error(reliability(shares, labels, bins=bins)) == pytest.approx(theirs.item(), abs=1e-5)


@pytest.mark.parametrize(("confidence", "right", "error"), [(0.8, 0.8, 0.0), (0.9, 0.6, 0.3), (1.0, 0.25, 0.75)])
def test_one_confidence_gives_its_distance_to_the_hit_rate(confidence, right, error):
    shares = np.tile(np.array([confidence, 1 - confidence]), (100, 1))
    labels = (np.arange(100) >= 100 * right).astype(np.uint8)
    assert expected_error(reliability(shares, labels)) == pytest.approx(error)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 2999), max_size=4), st.integers(0, 5))
def test_counts_of_parts_add_up_to_those_of_the_whole(cuts, seed):
    shares, labels = drawn(seed=seed)
    labels[seed::3] = 255
    ends = [0, *sorted(cuts), 3000]
    parts = [slice(first, last) for first, last in itertools.pairwise(ends)]
    together = sum(reliability(shares[part], labels[part]) for part in parts)
    np.testing.assert_allclose(together, reliability(shares, labels), rtol=1e-9)
    together = sum(class_reliability(shares[part], labels[part]) for part in parts)
    np.testing.assert_allclose(together, class_reliability(shares, labels), rtol=1e-9)


def test_ignored_pixels_do_not_count():
    shares, labels = drawn()
    marked = labels.copy()
    marked[:1000] = 255
    np.testing.assert_array_equal(reliability(shares, marked), reliability(shares[1000:], labels[1000:]))
    np.testing.assert_array_equal(class_reliability(shares, marked), class_reliability(shares[1000:], labels[1000:]))


def test_a_weight_is_so_many_pixels():
    shares, labels = drawn(200)
    weight = np.random.default_rng(0).integers(0, 4, 200)
    repeated = np.repeat(np.arange(200), weight)
    for function in (reliability, class_reliability):
        np.testing.assert_allclose(
            function(shares, labels, weight.astype(float)), function(shares[repeated], labels[repeated])
        )


def test_full_confidence_is_in_the_last_bin_and_a_bin_holds_its_lower_end():
    counts = reliability(np.array([[1.0, 0.0], [0.8, 0.2]]), np.array([0, 0]), bins=5)
    np.testing.assert_array_equal(counts[:, 0], [0, 0, 0, 0, 2])


def test_without_a_pixel_the_error_is_undefined():
    shares, labels = drawn(10)
    assert np.isnan(expected_error(reliability(shares, np.full_like(labels, 255))))


def test_the_error_of_classes_is_the_mean_of_each_one_by_itself():
    shares, labels = drawn()
    own = []
    for c in range(5):
        two = np.stack([shares[:, c], np.zeros(len(shares))], axis=1)  # the class is always predicted
        own.append(expected_error(reliability(two, (labels != c).astype(np.uint8))))
    assert class_wise_error(class_reliability(shares, labels)) == pytest.approx(np.mean(own))


def test_a_class_that_is_given_too_little_is_seen_class_by_class_only():
    """Two kinds of pixels: the third class is never likely, though a tenth of all pixels have it."""
    shares = np.tile(np.array([[0.85, 0.15, 0.0]]), (1000, 1))
    labels = np.repeat(np.array([0, 1, 2], np.uint8), [850, 50, 100])
    assert expected_error(reliability(shares, labels)) == pytest.approx(0, abs=1e-9)
    assert class_wise_error(class_reliability(shares, labels)) == pytest.approx((0 + 0.1 + 0.1) / 3)
