"""The transforms of the image alone, beside their textbook forms."""

import colorsys
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.data.augment.blur import LEAST, MOST, blur, smoothed
from segue.data.augment.colour import recolour
from segue.data.augment.hue import shift_hue, turned
from segue.data.augment.jpeg import compressed, jpeg
from segue.data.augment.noise import noise
from segue.data.keyed import sample_generator

seeds = st.integers(0, 10_000)


def picture(height, width, channels, seed=0):
    return (np.random.default_rng(seed).random((height, width, channels)) * 255).astype(np.float32)


# --- brightness, contrast, saturation --------------------------------------------------------------------------------


@given(seeds, st.sampled_from([1, 3, 5]), st.floats(0.01, 1.0))
@settings(deadline=None)
def test_colour_brightens_then_stretches_then_saturates(seed, channels, strength):
    image, inside = picture(5, 6, channels, seed), np.ones((5, 6), bool)
    inside[:, :2] = seed % 2 == 0
    brightness, contrast, saturation = 1 + sample_generator(seed, 0, 0).uniform(-strength, strength, size=3)
    expected = image.astype(np.float64) * brightness
    centre = expected[inside].mean()
    expected = (expected - centre) * contrast + centre
    if channels == 3:
        grey = expected @ np.array([[0.299], [0.587], [0.114]])
        expected = grey + (expected - grey) * saturation
    found = recolour(image, inside, strength, sample_generator(seed, 0, 0))
    assert found == pytest.approx(np.clip(expected, 0, 255), abs=0.02)


def test_no_strength_leaves_the_image_as_it_is():
    image, inside = picture(4, 4, 3), np.ones((4, 4), bool)
    assert recolour(image, inside, 0.0, sample_generator(0, 0, 0)) is image
    assert shift_hue(image, 0.0, sample_generator(0, 0, 0)) is image


def test_an_image_of_which_nothing_is_seen_is_no_reason_to_fail():
    image = recolour(np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), bool), 0.3, sample_generator(0, 0, 0))
    assert not image.any()


# --- hue -------------------------------------------------------------------------------------------------------------


@given(seeds, st.floats(-1, 1))
@settings(max_examples=40, deadline=None)
def test_hue_is_that_of_colorsys(seed, angle):
    image = picture(4, 5, 3, seed)
    image[0] = image[0].round(-2)  # colours with equal channels, pure ones and grey among them
    image[0, 0] = 77
    expected = np.empty_like(image)
    for row, column in np.ndindex(4, 5):
        hue, saturation, value = colorsys.rgb_to_hsv(*(image[row, column].astype(float) / 255))
        expected[row, column] = 255 * np.array(colorsys.hsv_to_rgb((hue + angle) % 1, saturation, value))
    assert turned(image, angle) == pytest.approx(expected, abs=0.01)


def test_a_third_of_the_circle_exchanges_the_channels():
    image = picture(6, 6, 3)
    assert turned(image, 1 / 3) == pytest.approx(image[..., [2, 0, 1]], abs=0.01)


def test_hues_are_shifted_to_both_sides_within_the_limit():
    red = np.full((1, 1, 3), (200, 0, 0), np.float32)
    hues = []
    for index in range(300):
        shifted = shift_hue(red, 0.1, sample_generator(0, 0, index))[0, 0]
        hues.append((colorsys.rgb_to_hsv(*(shifted / 255).tolist())[0] + 0.5) % 1 - 0.5)
    assert -0.1 <= min(hues) < -0.09
    assert 0.09 < max(hues) <= 0.1001


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_only_three_channels_have_a_hue(channels):
    image = picture(4, 4, channels)
    assert shift_hue(image, 0.5, sample_generator(0, 0, 0)) is image


# --- blur ------------------------------------------------------------------------------------------------------------


@given(seeds, st.floats(LEAST, MOST), st.sampled_from([(9, 12), (1, 7), (20, 3)]), st.booleans())
@settings(max_examples=25, deadline=None)
def test_blur_is_the_gaussian_mean_of_what_is_inside(seed, sigma, shape, padded):
    image = picture(*shape, 2, seed)
    inside = np.ones(shape, bool)
    if padded:
        inside[: shape[0] // 2, : shape[1] // 2] = False
        image[~inside] = 0
    found = smoothed(image, inside, sigma)
    radius = math.ceil(3 * sigma)
    for row, column in np.ndindex(shape):
        if not inside[row, column]:
            assert not found[row, column].any()
            continue
        total, weights = 0.0, 0.0
        for y in range(max(0, row - radius), min(shape[0], row + radius + 1)):
            for x in range(max(0, column - radius), min(shape[1], column + radius + 1)):
                weight = math.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * sigma**2)) * inside[y, x]
                total, weights = total + weight * image[y, x].astype(float), weights + weight
        assert found[row, column] == pytest.approx(total / weights, abs=0.01)


def test_blur_smooths_noise_and_keeps_an_even_image():
    inside = np.ones((32, 32), bool)
    assert blur(picture(32, 32, 3), inside, sample_generator(0, 0, 0)).std() < 0.7 * picture(32, 32, 3).std()
    even = np.full((32, 32, 5), 130, np.float32)
    assert blur(even, inside, sample_generator(0, 0, 0)) == pytest.approx(even, abs=1e-3)


# --- noise and JPEG --------------------------------------------------------------------------------------------------


def test_noise_has_no_mean_and_a_deviation_from_0_to_20():
    even = np.full((64, 64, 3), 127.5, np.float32)
    grains = [noise(even, sample_generator(0, 0, index)) - even for index in range(60)]
    deviations = np.sort([grain.std() for grain in grains])
    assert np.abs([grain.mean() for grain in grains]).max() < 5 * 20 / math.sqrt(even.size)
    assert np.abs(deviations - np.linspace(0, 20, 60)).max() < 20 * 1.63 / math.sqrt(60)  # Kolmogorov-Smirnov, 1 %


def test_noise_is_drawn_for_every_pixel_and_channel():
    even = np.full((16, 16, 2), 127.5, np.float32)
    assert len(np.unique(noise(even, sample_generator(0, 0, 3)))) > 500


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_jpeg_loses_more_at_a_lower_quality(channels):
    smooth = np.add.outer(np.arange(48), 2 * np.arange(40)) * 1.5
    pixels = np.stack([np.clip(smooth + 10 * band, 0, 255) for band in range(channels)], axis=2).astype(np.uint8)
    image = pixels.astype(np.float32)
    found = jpeg(image, sample_generator(0, 0, 0))
    assert found.shape == image.shape
    assert 0 < np.abs(found - image).mean() < 8
    if channels in (1, 3):
        plain = pixels[..., 0] if channels == 1 else pixels
        errors = [np.abs(compressed(plain, quality) - plain).mean() for quality in (95, 60, 30)]
        assert errors == sorted(errors)
