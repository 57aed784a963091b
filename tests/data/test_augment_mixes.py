"""Parts of other samples, parts left out, and which classes are rare."""

import math

import numpy as np
import pytest

from segue.configs import AugmentConfig
from segue.data.augment import augment
from segue.data.augment.copy_paste import copy_paste
from segue.data.augment.crop import take
from segue.data.augment.cutmix import cutmix, cutmix_rectangle
from segue.data.augment.cutout import cutout, random_rectangle
from segue.data.augment.mosaic import mosaic
from segue.data.augment.pool import Pool, alone
from segue.data.augment.rare import RareClasses, random_place, rare_probabilities
from segue.data.augment.source import Decoded
from segue.data.classes import IGNORE
from segue.data.keyed import sample_generator

STILL = AugmentConfig(scale=(1.0, 1.0), flip=0.0, colour=0.0)
SIZE = (24, 32)


def even(value, label, size=SIZE):
    """A sample of one colour and one class."""
    return np.full((*size, 3), value, np.uint8), np.full(size, label, np.uint8)


def pool_of(*samples, classes=5):
    pixels = np.array([np.bincount(labels[labels != IGNORE], minlength=classes) for _, labels in samples])
    return Pool(lambda index: Decoded(*samples[index]), len(samples), RareClasses(pixels).draw)


def view_of(sample):
    return take(Decoded(*sample), SIZE, STILL, sample_generator(0, 0, 0))


# --- mosaic ----------------------------------------------------------------------------------------------------------


def test_a_mosaic_has_the_own_part_in_any_corner_and_three_of_others():
    own, other = even(10, 1), even(20, 2)
    corners = set()
    for index in range(40):
        view = mosaic(Decoded(*own), SIZE, STILL, sample_generator(0, 0, index), pool_of(other))
        assert view.inside.all()
        assert np.array_equal(view.image[..., 0], 10.0 * view.labels)
        mine = view.labels == 1
        assert 0.06 <= mine.mean() <= 0.57  # sides of a quarter to three quarters, rounded
        assert mine.any(axis=0).sum() * mine.any(axis=1).sum() == mine.sum(), "a rectangle"
        corners.add(tuple(bool(mine[row, column]) for row in (0, -1) for column in (0, -1)))
    assert len(corners) == 4


def test_the_own_part_of_a_mosaic_holds_the_class_in_focus():
    labels = np.zeros((60, 80), np.uint8)
    labels[5:8, 70:74] = 1
    image = np.zeros((60, 80, 3), np.uint8)
    config = AugmentConfig(mosaic=1.0)
    for index in range(40):
        view = augment(
            Decoded(image, labels), SIZE, config, sample_generator(0, 0, index), pool_of(even(0, 2)), focus=1
        )
        assert (view.labels == 1).any()


# --- CutMix ----------------------------------------------------------------------------------------------------------


def test_the_replaced_share_follows_a_beta_distribution():
    """Beta(1, 1) is uniform: the Kolmogorov-Smirnov distance of 2000 draws stays below its 1 % bound."""
    shares, tops = [], set()
    for index in range(2000):
        rows, columns = cutmix_rectangle((240, 320), sample_generator(0, 0, index))
        height, width = rows.stop - rows.start, columns.stop - columns.start
        assert 0 <= rows.start <= rows.stop <= 240
        assert 0 <= columns.start <= columns.stop <= 320
        assert width * 240 == pytest.approx(height * 320, abs=320), "the aspect ratio of the crop"
        shares.append(height * width / (240 * 320))
        tops.add(rows.start)
    assert np.abs(np.sort(shares) - np.linspace(0, 1, 2000)).max() < 1.63 / math.sqrt(2000) + 1 / 240
    assert len(tops) > 100


def test_cutmix_replaces_a_rectangle_with_its_labels_and_its_padding():
    base = view_of(even(10, 1))
    narrow = even(20, 2, size=(24, 8))  # a window of the crop's shape sticks out on both sides of it
    padded = 0
    for index in range(30):
        view = cutmix(base, STILL, sample_generator(0, 0, index), pool_of(narrow))
        assert np.array_equal(view.inside, view.labels != IGNORE)
        assert np.array_equal(view.image[..., 0][view.inside], 10.0 * view.labels[view.inside])
        padded += int((~view.inside).any())
    assert padded > 5
    assert (base.labels == 1).all(), "the crop it starts from is left alone"


# --- copy-paste ------------------------------------------------------------------------------------------------------


def test_copy_paste_pastes_exactly_the_pixels_of_the_rare_class():
    thing = np.zeros((30, 40), np.uint8)
    thing[10:16, 12:25] = 3
    thing[0] = IGNORE
    donor = (thing[..., None] * np.uint8(50) + np.array([1, 2, 3], np.uint8)).astype(np.uint8), thing
    base = even(10, 1)
    pasted = 0
    for index in range(30):
        config = AugmentConfig(scale=(0.5, 1.0), flip=0.5, colour=0.0)
        generator = sample_generator(0, 0, index)
        view = copy_paste(view_of(base), config, generator, pool_of(base, donor))
        again = sample_generator(0, 0, index)  # the donor's crop, drawn once more
        chosen, holder = pool_of(base, donor).rare(again)
        if chosen != 3:
            continue  # of thirty draws one or two are of a class that is not rare
        assert holder == 1
        crop = take(Decoded(*donor), SIZE, config, again, focus=3)
        held = crop.labels == 3
        assert np.array_equal(view.labels, np.where(held, 3, 1))
        assert np.array_equal(view.image, np.where(held[..., None], crop.image, 10))
        pasted += held.sum()
    assert pasted > 20 * 10


def test_what_is_pasted_onto_padding_is_seen():
    small = even(10, 1, size=(6, 8))
    config = AugmentConfig(scale=(2.0, 2.0), flip=0.0, colour=0.0)
    base = take(Decoded(*small), SIZE, config, sample_generator(0, 0, 0))
    assert not base.inside.all()
    view = copy_paste(base, STILL, sample_generator(0, 0, 0), pool_of(even(20, 2)))
    assert view.inside.all()
    assert (view.labels == 2).all()
    assert (view.image == 20).all()


# --- cutout ----------------------------------------------------------------------------------------------------------


def test_cutout_takes_2_to_20_percent_away():
    base = view_of(even(10, 1))
    shares = []
    for index in range(200):
        view = cutout(base, sample_generator(0, 0, index))
        gone = ~view.inside
        assert np.array_equal(gone, view.labels == IGNORE)
        assert not view.image[gone].any()
        assert (view.image[view.inside] == 10).all()
        assert gone.any(axis=0).sum() * gone.any(axis=1).sum() == gone.sum(), "a rectangle"
        rows, columns = random_rectangle((240, 320), sample_generator(0, 0, index))
        shares.append((rows.stop - rows.start) * (columns.stop - columns.start) / (240 * 320))
    assert 0.019 < min(shares) < 0.04
    assert 0.18 < max(shares) < 0.203
    assert base.inside.all(), "the crop it starts from is left alone"


# --- rare classes ----------------------------------------------------------------------------------------------------


def test_rare_classes_are_drawn_by_daformers_rule():
    pixels = np.array([800, 150, 50, 0])
    share = pixels / 1000
    expected = np.exp((1 - share) / 0.1) * (pixels > 0)
    assert rare_probabilities(pixels) == pytest.approx(expected / expected.sum())


def test_classes_are_drawn_as_often_as_their_probability_from_samples_that_have_them():
    pixels = np.array([[90, 5, 0], [80, 0, 0], [70, 0, 9], [60, 3, 2]])
    rare = RareClasses(pixels)
    drawn = [rare.draw(sample_generator(0, 0, i)) for i in range(3000)]
    assert all(pixels[index, chosen] > 0 for chosen, index in drawn)
    counts = np.bincount([chosen for chosen, _ in drawn], minlength=3) / 3000
    assert counts == pytest.approx(rare.probabilities, abs=0.04)
    assert {index for chosen, index in drawn if chosen == 2} == {2, 3}


def test_without_a_labelled_pixel_any_class_and_any_sample_are_drawn():
    rare = RareClasses(np.zeros((3, 2), np.int64))
    assert {rare.draw(sample_generator(0, 0, i)) for i in range(60)} == {(c, i) for c in range(2) for i in range(3)}
    image, labels = even(1, IGNORE)
    view = augment(Decoded(image, labels), SIZE, AugmentConfig(copy_paste=1.0), sample_generator(0, 0, 0))
    assert (view.labels == IGNORE).all()


def test_a_place_is_any_pixel_of_the_class():
    labels = np.zeros((6, 8), np.uint8)
    labels[2, 3:5] = 4
    places = {random_place(labels, 4, sample_generator(0, 0, i)) for i in range(30)}
    assert places == {(2.5, 3.5), (2.5, 4.5)}
    assert random_place(labels, 5, sample_generator(0, 0, 0)) is None


def test_a_sample_alone_is_its_own_pool():
    image, labels = even(10, 1)
    labels[3, 4] = 2
    pool = alone(Decoded(image, labels))
    assert pool.other(sample_generator(0, 0, 0))[0] is image
    assert {pool.rare(sample_generator(0, 0, i)) for i in range(20)} == {(2, 0)}
