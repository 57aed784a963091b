"""Boundary IoU and trimap mIoU against their definitions, pixel by pixel."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import binary_erosion

from segue.data.classes import IGNORE
from segue.metrics import METRICS
from segue.metrics.boundary_iou import band_width, inner_band
from segue.metrics.case import Case, Measure
from segue.metrics.confusion import confusion, scores
from segue.metrics.trimap import trimap

LABELS = st.sampled_from([0, 1, 2, IGNORE])


def of(name, truth, prediction, classes=3, **measure):
    case = Case(truth, prediction, classes, Measure(**measure))
    return METRICS[name].scores(METRICS[name].evidence(case))


def square(size=200, side=100, shift=0):
    labels = np.zeros((size, size), np.uint8)
    labels[50 : 50 + side, 50 + shift : 50 + shift + side] = 1
    return labels


# --- boundary IoU ----------------------------------------------------------------------------------------------------


def published_band(mask, width):
    """The authors' code: a border of zeros, `width` erosions with a 3 x 3 square, the border removed again."""
    padded = np.pad(mask, 1)
    eroded = binary_erosion(padded, np.ones((3,) * mask.ndim), iterations=width)
    return mask & ~eroded[(slice(1, -1),) * mask.ndim]


@settings(max_examples=40, deadline=None)
@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=3, max_side=7), elements=LABELS), st.integers(1, 3))
def test_the_band_of_each_class_is_what_the_erosions_take_away(labels, width):
    band = inner_band(labels, width)
    for c in (0, 1, 2, IGNORE):
        np.testing.assert_array_equal(band & (labels == c), published_band(labels == c, width))


@pytest.mark.parametrize(("shape", "width"), [((240, 320), 8), ((20, 20), 1), ((1024, 2048), 46)])
def test_the_band_is_two_percent_of_the_diagonal_wide(shape, width):
    assert band_width(shape) == width


def test_boundary_iou_by_its_definition():
    random = np.random.default_rng(0)
    truth, prediction = (np.kron(random.integers(0, 3, (6, 8)), np.ones((20, 20), int)) for _ in range(2))
    expected = []
    for c in range(3):
        true, predicted = (published_band(labels == c, band_width(truth.shape)) for labels in (truth, prediction))
        expected.append((true & predicted).sum() / (true | predicted).sum())
    assert of("boundary_iou", truth, prediction) == pytest.approx([np.mean(expected), *expected])


def test_one_pixel_costs_a_large_object_more_at_its_boundary():
    truth, shifted = square(), square(shift=1)
    iou, boundary = of("iou", truth, shifted, 2)[2], of("boundary_iou", truth, shifted, 2)[2]
    assert iou == pytest.approx(9900 / 10100)
    assert boundary < 0.85 < 0.97 < iou
    assert of("boundary_iou", truth, truth, 2).tolist() == [1, 1, 1]


# --- trimap ----------------------------------------------------------------------------------------------------------


def near_another_label(labels, width, spacing):
    band = np.zeros(labels.shape, bool)
    places = list(itertools.product(*map(range, labels.shape)))
    for place, other in itertools.product(places, places):
        apart = np.linalg.norm(np.subtract(place, other) * spacing)
        if labels[place] != IGNORE and labels[other] != labels[place] and apart <= width + 1e-9:
            band[place] = True
    return band


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.uint8, array_shapes(min_dims=2, max_dims=3, max_side=5), elements=LABELS),
    st.sampled_from([0.5, 1.0, 1.5, 3.0]),
    st.tuples(*[st.sampled_from([0.3, 1.0, 2.5])] * 3),
)
def test_the_band_holds_what_is_near_another_label(labels, width, spacing):
    spacing = spacing[: labels.ndim]
    np.testing.assert_array_equal(trimap(labels, width, spacing), near_another_label(labels, width, spacing))


@pytest.mark.parametrize("width", [1, 3, 5, 10])
def test_trimap_iou_counts_the_pixels_in_the_band(width):
    truth, prediction = square(), square(shift=4)
    band = near = np.where(trimap(truth, width), truth, IGNORE)
    expected = scores(confusion(near, prediction, 2))
    np.testing.assert_allclose(
        of("trimap_iou", truth, prediction, 2, tolerance=width), [expected.miou, *expected.class_iou]
    )
    assert (band == 1).sum() == 100**2 - (100 - 2 * width) ** 2


def test_the_edge_of_the_image_is_no_contour_and_one_label_has_none():
    assert not trimap(np.ones((5, 6), np.uint8), 3).any()
    assert np.isnan(of("trimap_iou", np.ones((5, 6), int), np.ones((5, 6), int), tolerance=3)).all()
    half = np.repeat([0, 1], 5)[None].repeat(4, 0)
    assert trimap(half, 2).sum(axis=1).tolist() == [4] * 4
