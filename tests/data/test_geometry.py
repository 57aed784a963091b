"""At which size the network sees an image."""

import numpy as np
import pytest

from segue.data.geometry import Preprocessing, inference_zoom, resize_image, resize_labels, working_size
from segue.data.normalise import normalise, standardised

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


def test_normalising_matches_the_formula():
    image = np.full((2, 2, 3), 204, dtype=np.uint8)  # 0.8 of 255
    assert normalise(image, PREP).numpy() == pytest.approx((0.8 - 0.5) / 0.25)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_pixels_are_normalised_by_rows_to_the_bits_of_the_formula_by_pixel(kind):
    prep = Preprocessing((8, 8), 1.4, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), largest=64, pixel_scale=1.0)
    image = np.random.default_rng(0).integers(0, 256, (7, 9, 3)).astype(kind)[:, ::-1]
    before = image.copy()
    scale = np.array([1 / (255 * std) for std in prep.std], np.float32)
    shift = np.array([mean / std for mean, std in zip(prep.mean, prep.std, strict=True)], np.float32)
    expected = image.astype(np.float32) * scale - shift
    assert np.array_equal(standardised(image, prep), expected)
    assert np.array_equal(normalise(image, prep).numpy(), expected.transpose(2, 0, 1))
    assert np.array_equal(image, before), "what is cached stays as it is"
