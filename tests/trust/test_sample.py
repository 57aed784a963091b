import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.data.classes import IGNORE
from segue.metrics.trimap import trimap
from segue.trust.sample import MOST_NUMBERS, ImageSampler, draw, joined, near_contour, pixels_per_image


def image(seed=0, size=(20, 30), classes=4):
    random = np.random.default_rng(seed)
    truth = np.kron(random.integers(0, classes, (size[0] // 5, size[1] // 5)), np.ones((5, 5))).astype(np.uint8)
    truth[:3, :7] = IGNORE
    return truth, torch.from_numpy(random.normal(size=(classes, *size)).astype(np.float32))


@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 9))
def test_positions_are_inside_in_order_and_as_many_as_asked(size, count, seed):
    drawn = draw(size, count, seed, 3)
    assert drawn.size == min(size, count)
    assert (np.diff(drawn) >= 0).all()
    assert drawn[0] >= 0
    assert drawn[-1] < size


def test_every_position_is_drawn_alike():
    times = np.zeros(37)
    for seed in range(2000):
        np.add.at(times, draw(37, 10, seed, 0), 1)
    expected = 2000 * 10 / 37
    assert np.abs(times - expected).max() < 5 * np.sqrt(expected)


def test_a_draw_depends_on_seed_and_image_alone():
    np.testing.assert_array_equal(draw(1000, 50, 1, 2), draw(1000, 50, 1, 2))
    assert (draw(1000, 50, 1, 2) != draw(1000, 50, 1, 3)).any()
    assert (draw(1000, 50, 1, 2) != draw(1000, 50, 2, 2)).any()


@pytest.mark.parametrize("count", [50, 10_000])
def test_logits_are_those_of_the_labelled_pixels_whatever_the_bands(count):
    truth, logits = image()
    whole, banded = ImageSampler(truth, count, 0, 0), ImageSampler(truth, count, 0, 0)
    whole.take(0, logits)
    for top, bottom in ((7, 16), (0, 7), (16, 20)):
        banded.take(top, logits[:, top:bottom])
    np.testing.assert_array_equal(banded.logits, whole.logits)
    np.testing.assert_array_equal(whole.logits, logits.flatten(1).T.numpy()[whole.positions])
    np.testing.assert_array_equal(whole.labels, truth.ravel()[whole.positions])
    assert IGNORE not in whole.labels
    if count > truth.size:
        assert whole.labels.size == (truth != IGNORE).sum()


def test_images_of_different_size_weigh_by_their_pixels():
    samplers = []
    for number, size in enumerate(((20, 30), (40, 60))):
        truth, logits = image(number, size)
        samplers.append(ImageSampler(truth, 300, number))
        samplers[-1].take(0, logits)
    sample = joined(samplers)
    np.testing.assert_array_equal(sample.stands_for, [2, 8])
    np.testing.assert_array_equal(np.bincount(sample.image), [one.labels.size for one in samplers])
    np.testing.assert_array_equal(sample.weight, np.where(sample.image, 8, 2))
    part = sample.of(sample.image == 1)
    np.testing.assert_array_equal(part.logits, samplers[1].logits)
    np.testing.assert_array_equal(part.weight, np.full(part.labels.size, 8))


@given(st.integers(1, 5000), st.integers(1, 255))
def test_the_sample_is_bounded(images, classes):
    count = pixels_per_image(images, classes)
    assert count == 1 or images * count * classes <= MOST_NUMBERS


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 50), st.integers(0, 3))
def test_near_is_within_a_square_of_another_label_or_of_none(seed, width):
    truth, _ = image(seed)
    labelled = np.flatnonzero(truth != IGNORE)
    padded = np.pad(truth, width, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * width + 1, 2 * width + 1))
    expected = (windows != truth[..., None, None]).any(axis=(2, 3)).ravel()[labelled]
    near = near_contour(truth, labelled, width)
    np.testing.assert_array_equal(near, expected)
    if width:  # a circle lies within the square
        assert (near >= trimap(truth, float(width)).ravel()[labelled]).all()
