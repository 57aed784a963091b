"""Surface scores beside MONAI's: where both mean the same, and where they do not."""

import warnings

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from segue.metrics.surface import surface_distances
from segue.metrics.surface_scores import hausdorff, mean_surface_distance, surface_dice

# importing it takes seconds, and it calls functions that it has deprecated itself
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def theirs():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("monai.metrics")


def batch(*masks):
    return [torch.from_numpy(mask)[None, None] for mask in masks]


def blobs(shape, seed):
    random = np.random.default_rng(seed)
    field = gaussian_filter(random.random(shape), 3)
    truth = field > np.median(field)
    return truth, field + 0.3 * field.std() * gaussian_filter(random.standard_normal(shape), 2) > np.median(field)


@pytest.mark.parametrize(
    ("shape", "spacing"), [((60, 70), (1.0, 1.0)), ((40, 50), (0.5, 2.0)), ((16, 20, 24), (3.0, 1.0, 0.7))]
)
@pytest.mark.parametrize("seed", range(2))
def test_equal_where_both_masks_have_pixels(theirs, shape, spacing, seed):
    truth, prediction = blobs(shape, seed)
    distances = surface_distances(truth, prediction, spacing)
    pair, options = batch(prediction, truth), {"include_background": True, "spacing": spacing}
    for percentile in (95, 100):
        expected = theirs.compute_hausdorff_distance(*pair, percentile=percentile, **options)
        assert hausdorff(distances, percentile) == pytest.approx(expected.item(), rel=1e-5)
    expected = theirs.compute_average_surface_distance(*pair, symmetric=True, **options)
    assert mean_surface_distance(distances) == pytest.approx(expected.item(), rel=1e-5)
    expected = theirs.compute_surface_dice(*pair, class_thresholds=[1.05], **options)
    assert surface_dice(distances, 1.05) == pytest.approx(expected.item(), rel=1e-6)


def test_a_missed_object_is_not_averaged_as_infinity(theirs):
    truth, empty = np.ones((6, 7), bool), np.zeros((6, 7), bool)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = theirs.compute_hausdorff_distance(*batch(empty, truth), include_background=True).item()
    assert not np.isfinite(expected)
    distances = surface_distances(truth, empty)
    assert np.isnan(hausdorff(distances))  # undefined and counted, or the length that is asked for
    assert hausdorff(distances, missed=9.2) == 9.2


def test_background_is_a_class_like_any_other(theirs):
    truth, prediction = blobs((30, 30), 0)
    two = [torch.from_numpy(np.stack([~mask, mask]))[None] for mask in (prediction, truth)]
    assert theirs.compute_hausdorff_distance(*two).shape == (1, 1)  # theirs drops the first class unless told not to
    both = theirs.compute_hausdorff_distance(*two, include_background=True)[0]
    for ours, their in zip(((~truth, ~prediction), (truth, prediction)), both, strict=True):
        assert hausdorff(surface_distances(*ours)) == pytest.approx(their.item(), rel=1e-5)
