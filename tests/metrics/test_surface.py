"""Surfaces and the distances between them, against a search over all pixels, and the conventions they follow."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import binary_erosion, distance_transform_edt

from segue.metrics.surface import bounding_box, surface, surface_distances, within
from segue.metrics.surface_scores import hausdorff, mean_surface_distance, surface_dice


@st.composite
def two_masks(draw):
    shape = draw(array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=6))
    masks = [draw(arrays(bool, shape)) for _ in range(2)]
    spacing = draw(st.tuples(*[st.sampled_from([0.3, 1.0, 2.5])] * len(shape)))
    return *masks, spacing


def surface_places(mask, spacing):
    """The pixels of a mask that have a direct neighbour which is not in it, off the image included."""
    places = []
    for place in map(tuple, np.argwhere(mask)):
        for axis, step in itertools.product(range(mask.ndim), (-1, 1)):
            near = list(place)
            near[axis] += step
            if not 0 <= near[axis] < mask.shape[axis] or not mask[tuple(near)]:
                places.append(np.multiply(place, spacing))
                break
    return places


def directed(one, other):
    return sorted(min(np.linalg.norm(a - b) for b in other) if other else np.inf for a in one)


@settings(max_examples=60, deadline=None)
@given(two_masks())
def test_distances_equal_a_search_over_all_pixels(masks):
    truth, prediction, spacing = masks
    true, predicted = surface_places(truth, spacing), surface_places(prediction, spacing)
    found = surface_distances(truth, prediction, spacing)
    np.testing.assert_allclose(sorted(found.from_truth), directed(true, predicted), atol=1e-9)
    np.testing.assert_allclose(sorted(found.from_prediction), directed(predicted, true), atol=1e-9)


@pytest.mark.parametrize("shape", [(40, 50), (14, 15, 16)])
@pytest.mark.parametrize("seed", range(3))
def test_distances_equal_a_distance_transform_of_the_other_surface(shape, seed):
    random = np.random.default_rng(seed)
    spacing = (2.5, 0.7, 1.0)[: len(shape)]
    truth, prediction = (distance_transform_edt(random.random(shape) < 0.99) > 3 for _ in range(2))
    found = surface_distances(truth, prediction, spacing)
    own, other = surface(truth), surface(prediction)
    np.testing.assert_allclose(found.from_truth, distance_transform_edt(~other, spacing)[own])
    np.testing.assert_allclose(found.from_prediction, distance_transform_edt(~own, spacing)[other])


@pytest.mark.parametrize("shape", [(9, 8), (5, 6, 7), (1, 6), (2, 1, 3)])
def test_the_surface_is_what_an_erosion_takes_away(shape):
    mask = np.random.default_rng(0).random(shape) < 0.8
    np.testing.assert_array_equal(surface(mask), mask & ~binary_erosion(mask))


def test_pixels_at_the_edge_of_the_image_are_surface():
    assert surface(np.ones((3, 4), bool)).sum() == 10
    assert surface(np.ones((1, 3, 4), bool)).all()  # a single slice has nothing inside


def test_a_diagonal_neighbour_outside_makes_no_surface():
    mask = np.ones((5, 5), bool)
    mask[0, 0] = False
    assert not surface(mask)[1, 1]
    assert surface(mask)[0, 1]


@given(arrays(bool, array_shapes(min_dims=2, max_dims=3, max_side=5)), st.integers(0, 2))
def test_the_box_holds_every_pixel_and_no_more_than_the_margin(mask, margin):
    box = bounding_box(mask, margin)
    assert mask[box].sum() == mask.sum()
    places = np.argwhere(mask)
    for axis, part in enumerate(box if len(places) else ()):
        first, last = places[:, axis].min(), places[:, axis].max()
        assert part.start == max(0, first - margin)
        assert part.stop == last + 1 + margin


# --- scores ----------------------------------------------------------------------------------------------------------


def squares(shift, side=10, size=30):
    truth, prediction = np.zeros((2, size, size), bool)
    truth[5 : 5 + side, 5 : 5 + side] = True
    prediction[5 : 5 + side, 5 + shift : 5 + shift + side] = True
    return truth, prediction


def test_a_shifted_square_by_hand():
    distances = surface_distances(*squares(2))
    # of the 36 border pixels of each square 16 lie on the other border; 4 are 1 away from it and 16 are 2 away
    for side in distances:
        assert sorted(side) == [0] * 16 + [1] * 4 + [2] * 16
    assert hausdorff(distances) == hausdorff(distances, 95) == 2
    assert mean_surface_distance(distances) == 1
    assert [surface_dice(distances, tolerance) for tolerance in (0, 1, 2)] == [16 / 36, 20 / 36, 1]
    assert hausdorff(surface_distances(*squares(2), (1.0, 0.5))) == 1


def test_hd95_is_the_larger_of_the_two_percentiles_not_that_of_all_distances():
    truth = np.zeros((40, 40), bool)
    truth[10:30, 10:30] = True
    prediction = truth.copy()
    prediction[20, 30:36] = True  # a spur of 6 pixels
    distances = surface_distances(truth, prediction)
    percentiles = [np.percentile(side, 95) for side in distances]
    assert hausdorff(distances, 95) == max(percentiles)
    assert hausdorff(distances, 95) > np.percentile(np.concatenate(distances), 95)
    assert hausdorff(distances) == 6


def test_percentiles_are_interpolated_between_ranks():
    truth, prediction = np.zeros((2, 1, 40), bool)
    truth[0, 0] = True
    prediction[0, [0, 10, 30]] = True  # distances 0, 10, 30: the 95th percentile is at rank 1.9
    assert hausdorff(surface_distances(truth, prediction), 95) == pytest.approx(10 + 0.9 * 20)


def test_empty_masks():
    empty, full = np.zeros((4, 5), bool), np.ones((4, 5), bool)
    both, one, other = (surface_distances(*pair) for pair in ((empty, empty), (full, empty), (empty, full)))
    for score in (hausdorff, mean_surface_distance):
        assert np.isnan(score(both))
        assert np.isnan(score(both, missed=7))
        assert np.isnan(score(one))
        assert np.isnan(score(other))
        assert score(one, missed=7) == score(other, missed=7) == 7
    assert np.isnan(surface_dice(both, 1))
    assert surface_dice(one, 100) == surface_dice(other, 100) == 0


def test_a_tolerance_that_is_a_multiple_of_the_spacing_is_met():
    assert 3 * 0.1 > 0.3  # in floating point
    assert within(np.array([3 * 0.1]), 0.3).all()
    assert not within(np.array([0.31]), 0.3).any()
    distances = surface_distances(*squares(3), spacing=(0.1, 0.1))
    assert surface_dice(distances, 0.3) == 1


@settings(max_examples=30, deadline=None)
@given(two_masks())
def test_the_scores_do_not_care_which_mask_is_the_truth(masks):
    truth, prediction, spacing = masks
    there, back = surface_distances(truth, prediction, spacing), surface_distances(prediction, truth, spacing)
    for score in (hausdorff, mean_surface_distance, lambda d: hausdorff(d, 95), lambda d: surface_dice(d, 1.0)):
        np.testing.assert_allclose(score(there), score(back))
    if not there.both_empty and not there.one_empty:
        assert mean_surface_distance(there) <= hausdorff(there) + 1e-12
        assert hausdorff(there, 95) <= hausdorff(there)
        assert surface_dice(there, hausdorff(there)) == 1
