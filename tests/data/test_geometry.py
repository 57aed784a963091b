"""At which size the network sees an image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.configs import AugmentConfig
from segue.data.augment import augment, cut, random_box
from segue.data.classes import IGNORE
from segue.data.geometry import Preprocessing, fitting_scale, inference_zoom, resize_image, resize_labels, working_size
from segue.data.keyed import sample_generator
from segue.data.normalise import normalise

PREP = Preprocessing((240, 320), 1.5, (0.5,) * 3, (0.25,) * 3, largest=360 * 480, pixel_scale=1.0)


def test_inference_sees_an_image_at_zoom_times_the_crop():
    assert working_size(360, 480, PREP) == (360, 480)
    assert working_size(720, 960, PREP) == (360, 480)


def test_the_aspect_ratio_is_kept():
    height, width = working_size(480, 360, PREP)
    assert (height, width) == (480, 360)


def test_a_mosaic_keeps_the_training_sets_pixel_scale():
    assert working_size(3000, 4000, PREP) == (3000, 4000)


def test_zoom_is_the_inverse_geometric_mean_of_the_crop_share():
    assert inference_zoom((0.25, 1.0)) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("dtype", "channels"), [(np.uint8, 1), (np.uint8, 3), (np.uint8, 5), (np.float32, 3), (np.float32, 1)]
)
def test_every_pixel_type_is_resized_alike(dtype, channels):
    ramp = np.broadcast_to(np.arange(32, dtype=np.float64)[None, :, None] * 4, (16, 32, channels))
    small = resize_image(ramp.astype(dtype), (8, 16))
    assert small.shape == (8, 16, channels)
    assert small.dtype == dtype
    assert np.allclose(small[4, 1:-1, 0], np.arange(16)[1:-1] * 8 + 2, atol=1)


def test_labels_are_never_mixed():
    labels = np.random.default_rng(0).choice(np.array([0, 7, 255], dtype=np.uint8), size=(33, 47))
    assert set(np.unique(resize_labels(labels, (17, 90)))) <= {0, 7, 255}


@given(
    st.integers(8, 90),
    st.integers(8, 90),
    st.floats(0.2, 2.0),
    st.integers(0, 10_000),
    st.sampled_from([(16, 16), (24, 40), (40, 24)]),
)
@settings(max_examples=150, deadline=None)
def test_image_and_labels_stay_aligned_and_padding_is_ignored(height, width, share, seed, size):
    """Image and labels both hold their own coordinates: after the cut they still name the same place."""
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    image = np.stack([across, down, np.zeros_like(across)], axis=2).astype(np.uint8)
    config = AugmentConfig(scale=(share, share), flip=0.5, colour=0.0)
    pixel = max(1.0, 1 / (fitting_scale(height, width, size) / share))  # source pixels one pixel of the crop covers
    for channel, places in enumerate((across, down)):
        labels = places.astype(np.uint8)
        crop, crop_labels, inside = augment(image, labels, size, config, sample_generator(seed, 0, 0))
        assert crop.shape == (*size, 3)
        assert crop_labels.shape == inside.shape == size
        assert (crop_labels[~inside] == IGNORE).all()
        assert (crop_labels[inside] != IGNORE).all()
        # the triangle filter is cut off within one pixel of the border, which moves its centre inwards
        far = inside & (crop_labels >= 2 * pixel) & (crop_labels <= labels.max() - 2 * pixel)
        # nearest is at most half a pixel of the crop off the middle, the image is rounded to whole numbers, and a
        # window that sticks out is fitted to whole pixels of the crop
        assert (np.abs(crop[..., channel] - crop_labels)[far] <= pixel / 2 + 0.6).all()


def test_a_window_larger_than_the_image_holds_all_of_it():
    left, top, right, bottom = random_box(20, 40, (32, 32), 1.5, sample_generator(0, 0, 0))
    assert left <= 0 <= 40 <= right
    assert top <= 0
    assert bottom >= 20


def test_a_window_inside_the_image_needs_no_padding():
    image = np.zeros((40, 40, 3), dtype=np.uint8)
    labels = np.zeros((40, 40), dtype=np.uint8)
    _, _, inside = cut(image, labels, (16, 16), (3.5, 4.25, 23.5, 24.25))
    assert inside.all()


def test_the_same_key_gives_the_same_crop():
    image = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    labels = np.zeros((40, 50), dtype=np.uint8)
    config = AugmentConfig()
    first = augment(image, labels, (32, 32), config, sample_generator(1, 2, 3))
    again = augment(image, labels, (32, 32), config, sample_generator(1, 2, 3))
    other = augment(image, labels, (32, 32), config, sample_generator(1, 3, 3))
    assert np.array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])


def test_normalising_matches_the_formula():
    image = np.full((2, 2, 3), 204, dtype=np.uint8)  # 0.8 of 255
    assert normalise(image, PREP).numpy() == pytest.approx((0.8 - 0.5) / 0.25)
