"""Where a crop looks, and how it is mirrored, turned and bent: closed forms, brute force, frequencies."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.configs import AugmentConfig
from segue.data.augment.crop import cut, take
from segue.data.augment.elastic import CELLS, NO_FOLD, elastic, surface
from segue.data.augment.flip import flip, random_quarters, turn
from segue.data.augment.grid import grid
from segue.data.augment.odds import happens
from segue.data.augment.rotate import extent, random_angle, rotate
from segue.data.augment.source import Decoded
from segue.data.augment.view import View
from segue.data.augment.warp import read
from segue.data.augment.window import MIDDLE, REACH, box_around, random_box
from segue.data.classes import IGNORE
from segue.data.keyed import sample_generator

SIZE = (24, 32)
STILL = AugmentConfig(scale=(1.0, 1.0), flip=0.0, colour=0.0)
angles = st.floats(-math.pi, math.pi)
seeds = st.integers(0, 10_000)


def positions(size):
    """Across and down, from the centre of a crop, as the warp hands them on."""
    x = (np.arange(size[1], dtype=np.float32) + np.float32(0.5 - size[1] / 2))[None]
    y = (np.arange(size[0], dtype=np.float32) + np.float32(0.5 - size[0] / 2))[:, None]
    return x, y


def noise_sample(height, width, channels=3, seed=0):
    random = np.random.default_rng(seed)
    image = (random.random((height, width, channels)) * 255).astype(np.float32)
    return image, random.integers(0, 6, (height, width)).astype(np.uint8)


# --- windows ---------------------------------------------------------------------------------------------------------


def test_a_window_larger_than_the_image_holds_all_of_it():
    left, top, right, bottom = random_box((20, 40), (42.4, 42.4), sample_generator(0, 0, 0))
    assert left <= 0 <= 40 <= right
    assert top <= 0
    assert bottom >= 20


@given(angles, seeds)
@settings(deadline=None)
def test_a_window_that_fits_stays_on_the_image_when_it_is_turned(angle, seed):
    box = random_box((60, 80), (24.0, 32.0), sample_generator(seed, 0, 0), angle)
    corners = [
        np.add(rotate(x, y, angle), ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2))
        for x in (-16.0, 16.0)
        for y in (-12.0, 12.0)
    ]
    assert (np.min(corners, axis=0) >= -1e-9).all()
    assert (np.max(corners, axis=0) <= np.array([80, 60]) + 1e-9).all()
    span = np.ptp(corners, axis=0)[::-1]
    assert extent((24.0, 32.0), angle) == pytest.approx(tuple(span))


@given(st.integers(0, 59), st.integers(0, 79), st.sampled_from([0.0, 0.3, -1.2]), seeds, st.floats(6, 100))
@settings(max_examples=200, deadline=None)
def test_a_window_around_a_place_holds_it_and_stays_on_the_image_when_it_is_not_turned(
    row, column, angle, seed, height
):
    window = (height, height * 4 / 3)
    box = box_around((row + 0.5, column + 0.5), (60, 80), window, sample_generator(seed, 0, 0), angle)
    across, down = rotate(column + 0.5 - (box[0] + box[2]) / 2, row + 0.5 - (box[1] + box[3]) / 2, -angle)
    reach = 0.5 if angle == 0 else max(REACH, MIDDLE / 2)
    assert abs(across) <= reach * window[1] + 1e-9
    assert abs(down) <= reach * window[0] + 1e-9
    if angle == 0:
        for low, high, length in ((box[0], box[2], 80), (box[1], box[3], 60)):
            inside, around = low >= -1e-9 and high <= length + 1e-9, low <= 1e-9 and high >= length - 1e-9
            assert inside or around


def test_what_a_window_is_laid_around_is_not_always_in_its_middle():
    boxes = [box_around((200.5, 200.5), (400, 400), (40.0, 40.0), sample_generator(0, 0, i)) for i in range(400)]
    offsets = np.array([[(top + bottom) / 2 - 200.5, (left + right) / 2 - 200.5] for left, top, right, bottom in boxes])
    assert np.abs(offsets).max() <= 10
    assert (np.abs(offsets).max(axis=0) > 9).all()


def test_a_window_inside_the_image_needs_no_padding():
    image = np.zeros((40, 40, 3), dtype=np.uint8)
    labels = np.zeros((40, 40), dtype=np.uint8)
    _, _, inside = cut(Decoded(image, labels), (16, 16), (3.5, 4.25, 23.5, 24.25))
    assert inside.all()


def test_the_scale_of_a_part_is_that_of_the_whole_crop():
    """A part of 12 x 8 of a crop of 24 x 16 shows things as large as the crop does."""
    places = np.broadcast_to(np.arange(96), (64, 96))
    image, labels = np.repeat(places[..., None], 3, axis=2).astype(np.uint8), places.astype(np.uint8)
    for size in ((16, 24), (8, 12)):
        crop = take(Decoded(image, labels), size, STILL, sample_generator(0, 0, 0), whole=(16, 24))
        assert np.diff(crop.labels.astype(int), axis=1).mean() == pytest.approx(4, abs=0.1)


# --- flips and turns -------------------------------------------------------------------------------------------------


@given(seeds, st.integers(0, 3))
@settings(deadline=None)
def test_flips_and_turns_keep_every_pixel_with_its_label(seed, quarters):
    image, labels = noise_sample(12, 17, seed=seed)
    view = View(image, labels, np.ones(labels.shape, bool))
    moved = turn(flip(view, 0.5, 0.5, sample_generator(seed, 0, 0)), quarters)
    pairs, moved_pairs = (
        sorted(zip(v.labels.ravel().tolist(), v.image[..., 0].ravel().tolist(), strict=True)) for v in (view, moved)
    )
    assert pairs == moved_pairs
    assert moved.size == ((12, 17) if quarters % 2 == 0 else (17, 12))


def test_flips_and_turns_of_the_whole_image_keep_the_label_counts():
    image, labels = noise_sample(20, 20)
    config = AugmentConfig(scale=(1.0, 1.0), flip=0.5, flip_vertical=0.5, quarter_turn=0.75, colour=0.0)
    seen = set()
    for index in range(60):
        view = take(Decoded(image, labels), (20, 20), config, sample_generator(0, 0, index))
        assert np.array_equal(np.bincount(view.labels.ravel()), np.bincount(labels.ravel()))
        seen.add(view.labels.tobytes())
    assert len(seen) == 8, "all symmetries of the square, and no other"


def test_a_turn_of_a_crop_that_is_not_square_keeps_its_size():
    image, labels = noise_sample(60, 80)
    config = AugmentConfig(quarter_turn=1.0)
    for index in range(20):
        assert take(Decoded(image, labels), SIZE, config, sample_generator(0, 0, index)).size == SIZE


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.8])
def test_flips_and_turns_are_as_frequent_as_asked_for(probability):
    labels = np.arange(4, dtype=np.uint8).reshape(2, 2)
    view = View(np.zeros((2, 2, 1), np.float32), labels, np.ones((2, 2), bool))
    draws = 2000
    flipped = [flip(view, probability, 0, sample_generator(0, 0, i)).labels[0, 0] == 1 for i in range(draws)]
    quarters = np.bincount([random_quarters(probability, sample_generator(1, 0, i)) for i in range(draws)], minlength=4)
    allowed = 4 * math.sqrt(0.25 / draws)  # four standard deviations at most
    assert np.mean(flipped) == pytest.approx(probability, abs=allowed)
    assert quarters / draws == pytest.approx([1 - probability, *[probability / 3] * 3], abs=allowed)


def test_what_cannot_happen_draws_no_number():
    generator = sample_generator(0, 0, 0)
    assert not happens(0.0, generator)
    assert random_angle(0.0, generator) == 0
    assert random_quarters(0.0, generator) == 0
    assert generator.random() == sample_generator(0, 0, 0).random()


# --- reading at places -----------------------------------------------------------------------------------------------


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_reading_is_bilinear_for_the_image_and_nearest_for_the_labels(seed):
    image, labels = noise_sample(9, 13, channels=2, seed=seed)
    random = np.random.default_rng(seed)
    x = random.uniform(-3, 16, (4, 6)).astype(np.float32)
    y = random.uniform(-3, 12, (4, 6)).astype(np.float32)
    view = read(Decoded(image, labels), x, y, 1.0)
    for row, column in np.ndindex(4, 6):
        across, down = float(x[row, column]), float(y[row, column])
        if not (0 <= across < 13 and 0 <= down < 9):
            assert not view.inside[row, column]
            assert view.labels[row, column] == IGNORE
            assert not view.image[row, column].any()
            continue
        assert view.labels[row, column] == labels[int(down), int(across)]
        assert view.image[row, column] == pytest.approx(bilinear(image, across, down), abs=0.01)


def bilinear(image, across, down):
    """The weighted mean of the four pixels around a place; beyond the border the border's pixels go on."""
    height, width = image.shape[:2]
    x, y = across - 0.5, down - 0.5
    total = 0.0
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            weight = (1 - abs(y - row)) * (1 - abs(x - column))
            total = total + weight * image[min(max(row, 0), height - 1), min(max(column, 0), width - 1)].astype(float)
    return total


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_rotation_by_quarters_is_a_turn(quarters):
    image, labels = noise_sample(16, 16)
    x, y = rotate(*np.broadcast_arrays(*positions((16, 16))), quarters * math.pi / 2)
    view = read(Decoded(image, labels), np.float32(x + 8), np.float32(y + 8), 1.0)
    turned = turn(View(image, labels, np.ones((16, 16), bool)), quarters)
    assert np.array_equal(view.labels, turned.labels)
    assert np.allclose(view.image, turned.image, atol=0.01)


def test_where_places_lie_far_apart_the_image_is_smoothed_first():
    stripes = np.broadcast_to(np.where(np.arange(64) % 2, 255, 0)[None, :, None], (64, 64, 1)).astype(np.uint8)
    x, y = np.meshgrid(np.arange(2, 64, 4, dtype=np.float32) + 0.5, np.arange(2, 64, 4, dtype=np.float32))
    view = read(Decoded(stripes, np.zeros((64, 64), np.uint8)), x, y, 4.0)
    assert np.ptp(view.image[:, 1:-1]) < 2, "the filter is cut off at the border"
    assert view.image.mean() == pytest.approx(127.5, abs=2)


def test_angles_are_uniform_to_both_sides():
    drawn = np.sort([math.degrees(random_angle(20.0, sample_generator(0, 0, i))) for i in range(2000)])
    assert np.abs(drawn - np.linspace(-20, 20, 2000)).max() < 40 * 1.63 / math.sqrt(2000)  # Kolmogorov-Smirnov, 1 %


# --- elastic and grid ------------------------------------------------------------------------------------------------


@given(seeds, st.floats(0.05, 1.0), st.sampled_from([(24, 32), (40, 24), (33, 47)]))
@settings(max_examples=60, deadline=None)
def test_the_elastic_field_is_bounded_smooth_and_never_folds(seed, strength, size):
    x, y = positions(size)
    bent_x, bent_y = elastic(x, y, size, strength, sample_generator(seed, 0, 0))
    across, down = bent_x - x, bent_y - y
    cell = min(size) / CELLS
    bound = strength * NO_FOLD * cell
    assert max(np.abs(across).max(), np.abs(down).max()) <= bound + 1e-4
    for field in (across, down):
        for axis in (0, 1):
            # second derivative of a cubic B-spline: a second difference of control points, over the square of a cell
            assert np.abs(np.diff(field, n=2, axis=axis)).max() <= 4 * bound / cell**2 + 1e-4
    stretch = (1 + np.diff(across, axis=1)[:-1]) * (1 + np.diff(down, axis=0)[:, :-1])
    shear = np.diff(across, axis=0)[:, :-1] * np.diff(down, axis=1)[:-1]
    assert (stretch - shear > 0).all()


def test_the_elastic_field_reaches_what_its_help_says():
    x, y = positions((240, 320))
    most = 0.0
    for seed in range(200):
        bent_x, _ = elastic(x, y, (240, 320), 1.0, sample_generator(seed, 0, 0))
        most = max(most, float(np.abs(bent_x - x).max()))
    assert 0.06 < most / 240 <= 0.12


def test_the_spline_surface_reproduces_a_plane():
    cell, size = 5.0, (17, 23)
    rows, columns = np.meshgrid(np.arange(-1, 6), np.arange(-1, 7), indexing="ij")
    plane = surface((2 * rows - 3 * columns).astype(np.float32), size, cell)
    y, x = np.meshgrid((np.arange(17) + 0.5) / cell, (np.arange(23) + 0.5) / cell, indexing="ij")
    assert np.allclose(plane, 2 * y - 3 * x, atol=1e-4)


@given(seeds, st.floats(0, 0.9), st.sampled_from([(24, 32), (40, 24)]))
@settings(max_examples=60, deadline=None)
def test_the_grid_keeps_the_order_of_points_and_the_border(seed, strength, size):
    x = np.linspace(-size[1] / 2, size[1] / 2, 101, dtype=np.float32)[None]
    y = np.linspace(-size[0] / 2, size[0] / 2, 101, dtype=np.float32)[:, None]
    bent_x, bent_y = grid(x, y, size, strength, sample_generator(seed, 0, 0))
    for before, after in ((x.ravel(), bent_x.ravel()), (y.ravel(), bent_y.ravel())):
        assert after[[0, -1]] == pytest.approx(before[[0, -1]], abs=1e-4)
        slope = np.diff(after) / np.diff(before)
        # of five stripes the narrowest beside four of the widest, and the other way round
        assert slope.min() >= 5 * (1 - strength) / (1 - strength + 4 * (1 + strength)) - 1e-3
        assert slope.max() <= 5 * (1 + strength) / (1 + strength + 4 * (1 - strength)) + 1e-3


def test_the_grid_moves_points_beyond_the_border_by_nothing():
    x, y = np.float32([[-20.0, 20.0]]), np.float32([[0.0]])
    bent_x, _ = grid(x, y, (24, 32), 0.9, sample_generator(0, 0, 0))
    assert bent_x == pytest.approx(x)
