"""Distance maps against brute force, the loss against its paper."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from segue.losses.boundary import boundary, distance_maps, signed_distance


def brute_force(inside, labelled, spacing):
    places = {p: np.array(p) * spacing for p in itertools.product(*map(range, inside.shape))}
    region = [at for p, at in places.items() if inside[p]]
    rest = [at for p, at in places.items() if labelled[p] and not inside[p]]
    phi = np.zeros(inside.shape)
    for p, at in places.items():
        if region and rest and labelled[p]:
            nearest = min(np.linalg.norm(at - other) for other in (rest if inside[p] else region))
            phi[p] = min(spacing) - nearest if inside[p] else nearest
    return phi


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.uint8, array_shapes(min_dims=2, max_dims=3, max_side=5), elements=st.sampled_from([0, 1, 1, 255])),
    st.tuples(*[st.sampled_from([0.3, 1.0, 2.5])] * 3),
)
def test_signed_distances_equal_a_search_over_all_pixels(labels, spacing):
    spacing = spacing[: labels.ndim]
    inside, labelled = labels == 1, labels != 255
    ours = signed_distance(inside, labelled, spacing)
    np.testing.assert_allclose(ours, brute_force(inside, labelled, spacing), atol=1e-9)


def a_square():
    labels = np.zeros((1, 9, 9), np.int64)
    labels[0, 2:7, 2:7] = 1
    return labels


def test_pixels_smaller_than_one_keep_the_sign():
    # the published code subtracts 1 inside whatever the unit: at 0.3 mm the centre of this square becomes +0.1
    inside = a_square()[0] == 1
    phi = signed_distance(inside, np.ones_like(inside), (0.3, 0.3))
    assert phi[inside].max() == 0
    assert phi[4, 4] == pytest.approx(-0.6)
    assert phi[~inside].min() == pytest.approx(0.3)
    np.testing.assert_allclose(phi, 0.3 * signed_distance(inside, np.ones_like(inside)), atol=1e-12)


def test_a_class_that_fills_the_image_or_is_absent_has_no_contour():
    # the distance transform of an image without a zero is arbitrary, not infinite
    labels = np.full((1, 5, 6), 1)
    assert not distance_maps(labels, 3, 255).any()


def test_maps_of_unit_spacing_are_the_published_ones():
    from scipy.ndimage import distance_transform_edt

    inside = a_square()[0] == 1
    published = distance_transform_edt(~inside) * ~inside - (distance_transform_edt(inside) - 1) * inside
    np.testing.assert_allclose(signed_distance(inside, np.ones_like(inside)), published)


def test_differs_from_the_paper_by_what_the_network_cannot_change():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (2, 8, 9), generator=generator)
    logits = torch.randn(2, 3, 8, 9, generator=generator).requires_grad_()
    phi = torch.from_numpy(distance_maps(labels.numpy(), 3, 255))
    true = torch.nn.functional.one_hot(labels, 3).movedim(-1, 1)
    paper = (phi * logits.softmax(1)).mean()
    ours = boundary(logits, labels)
    torch.testing.assert_close(ours, paper - (phi * true).mean())
    gradients = [torch.autograd.grad(loss, logits)[0] for loss in (paper, ours)]
    torch.testing.assert_close(*gradients)


def test_a_mistake_costs_its_distance_to_the_contour():
    labels = torch.from_numpy(a_square())
    right = torch.nn.functional.one_hot(labels, 2).movedim(-1, 1) * 40.0 - 20
    costs = []
    for column in (7, 8):  # 1 and 2 pixels to the right of the square
        wrong = right.clone()
        wrong[0, :, 4, column] *= -1
        costs.append(boundary(wrong, labels).item() * 2 * 81)
    # outside the square: its distance to the object, and its depth in the background (the outermost pixel being 0)
    assert costs == pytest.approx([1 + 0, 2 + 1], rel=1e-5)


def test_spacing_scales_the_loss():
    labels = torch.from_numpy(a_square())
    logits = torch.randn(1, 2, 9, 9, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(boundary(logits, labels, spacing=(0.5, 0.5)), boundary(logits, labels) / 2)
