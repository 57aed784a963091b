"""What every augmentation and every preset must do: keep image and labels together, ignore what is not there."""

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from segue.configs import AugmentConfig
from segue.data.augment import AUGMENTATIONS, augment
from segue.data.augment.pool import Pool, alone
from segue.data.augment.rare import RareClasses
from segue.data.augment.source import Decoded
from segue.data.classes import IGNORE
from segue.data.geometry import fitting_scale
from segue.data.keyed import sample_generator
from segue.presets import MEANINGS, PRESETS
from segue.style.own_painter import OwnPainter

FULL = {"scale": (0.3, 2.0), "rotate": 180.0, "grid": 0.9, "hue": 0.5}  # of the others 1 is the most
STYLES = ("fda", "histogram", "stylise")  # for three channels only; others are refused
COLOURS = (*STYLES, "colour", "hue", "blur", "noise", "jpeg")  # change the image alone
PLACES = [name for name in AUGMENTATIONS if name not in COLOURS]
OFF = dict.fromkeys((name for name in AUGMENTATIONS if name != "scale"), 0.0)
PAINTER = OwnPainter()
KINDS = [(np.uint8, 1), (np.uint8, 3), (np.uint8, 5), (np.float32, 1), (np.float32, 3), (np.float32, 4)]

sizes = st.sampled_from([(16, 16), (24, 40), (40, 24)])
seeds = st.integers(0, 10_000)
kinds = st.sampled_from(KINDS)


def only(name, **others):
    """A configuration with one augmentation, in full strength."""
    return AugmentConfig(**{**OFF, "scale": (0.5, 1.0), name: FULL.get(name, 1.0), **others})


def config_of(name, **others):
    """One augmentation, a preset, or everything at once."""
    if name in PRESETS:
        return AugmentConfig(preset=name, **others)
    if name in OFF or name == "scale":
        return only(name, **others)
    return AugmentConfig(**{**dict.fromkeys(OFF, 1.0), **FULL, "cutout": 0.5, "mosaic": 0.5, **others})


def for_channels(config, channels):
    """The configuration without what such images are refused for."""
    return config if channels == 3 else dataclasses.replace(config, **dict.fromkeys(STYLES, 0.0))


def pool_of(*samples):
    pixels = np.array([np.bincount(labels[labels != IGNORE], minlength=255) for _, labels in samples])
    return Pool(lambda index: Decoded(*samples[index]), len(samples), RareClasses(pixels).draw, painter=PAINTER)


def crop_alone(image, labels, size, config, generator):
    """A crop of the only sample there is."""
    source = Decoded(image, labels)
    return augment(source, size, config, generator, dataclasses.replace(alone(source), painter=PAINTER))


def coordinates(height, width, kind, *, down=False, start=0):
    """A sample whose image and labels both hold the coordinate of the place, from `start` on."""
    places = np.broadcast_to((np.arange(height)[:, None] if down else np.arange(width)) + start, (height, width))
    return np.repeat(places[..., None], kind[1], axis=2).astype(kind[0]), places.astype(np.uint8)


@given(st.integers(8, 90), st.integers(8, 90), st.booleans(), kinds, sizes, seeds)
@settings(max_examples=25, deadline=None)
@pytest.mark.parametrize("name", [*PLACES, *PRESETS, "everything"])
def test_image_and_labels_name_the_same_place(name, height, width, down, kind, size, seed):
    config = config_of(name, **dict.fromkeys(COLOURS, 0.0))
    own, other = (coordinates(height, width, kind, down=down, start=start) for start in (0, 120))
    generator = sample_generator(seed, 0, 0)
    crop, labels, inside = augment(
        Decoded(*own), size, config, generator, pool_of(own, other), focus=5 if seed % 2 else None
    )
    assert crop.shape == (*size, kind[1])
    assert labels.shape == inside.shape == size
    assert (labels[~inside] == IGNORE).all()
    assert (labels[inside] != IGNORE).all()
    assert not crop[~inside].any()
    pixel = max(1.0, config.scale[1] / fitting_scale(height, width, size))  # image pixels one of the crop covers
    length = height if down else width
    # the triangle filter is cut off within one pixel of the border, which moves its centre inwards
    place = labels.astype(int) % 120
    far = inside & (place >= 2 * pixel) & (place <= length - 1 - 2 * pixel)
    # nearest is at most half a pixel of the crop off the middle, the image is rounded to whole numbers, and a window
    # that sticks out is fitted to whole pixels of the crop
    off = np.abs(crop - labels[..., None])[far]
    assert (off <= pixel / 2 + 0.6).all(), off.max()


@given(kinds, seeds)
@settings(max_examples=15, deadline=None)
@pytest.mark.parametrize("name", [*(name for name in COLOURS if name != "fda"), *PRESETS, "everything"])
def test_colours_change_and_stay_with_their_labels(name, kind, seed):
    """Dark and light squares of 20 pixels, labelled 0 and 1, can still be told apart by their labels.

    Not after FDA: squares are made of few waves, and another crop of them has others (see test_augment_styles.py).
    """
    rows, columns = np.mgrid[:80, :100] // 20
    labels = ((rows + columns) % 2).astype(np.uint8)
    image = np.repeat(np.where(labels, 190, 60)[..., None], kind[1], axis=2).astype(kind[0])
    milder = {"elastic": 0.3, "grid": 0.2, "colour": 0.3, "fda": 0.0} if name == "everything" else {}
    config = for_channels(config_of(name, scale=(0.5, 0.6), **milder), kind[1])
    crop, found, inside = crop_alone(image, labels, (48, 64), config, sample_generator(seed, 0, 0))
    dark, light = crop[inside & (found == 0)], crop[inside & (found == 1)]
    assume(min(len(dark), len(light)) > 100)
    middle = (np.median(dark) + np.median(light)) / 2
    assert np.median(light) > np.median(dark)
    assert ((dark < middle).mean() + (light > middle).mean()) / 2 > 0.7  # half would be chance


@given(st.integers(1, 60), st.integers(1, 60), kinds, sizes, seeds)
@settings(max_examples=15, deadline=None)
@pytest.mark.parametrize("name", [*AUGMENTATIONS, *PRESETS, "everything"])
def test_values_stay_in_range_and_nothing_outside_counts(name, height, width, kind, size, seed):
    random = np.random.default_rng(seed)
    image = (random.random((height, width, kind[1])) * 255).astype(kind[0])
    labels = random.choice(np.array([0, 3, 7, IGNORE], np.uint8), (height, width))
    before = image.copy(), labels.copy()
    image.flags.writeable = labels.flags.writeable = False  # as decoders may give them
    config = for_channels(config_of(name), kind[1])
    crop, found, inside = crop_alone(image, labels, size, config, sample_generator(seed, 1, 2))
    assert crop.dtype == np.float32
    assert crop.shape == (*size, kind[1])
    assert found.dtype == np.uint8
    assert inside.dtype == np.bool_
    assert np.isfinite(crop).all()
    assert crop.min() >= 0
    assert crop.max() <= 255
    assert set(np.unique(found)) <= {0, 3, 7, IGNORE}
    assert (found[~inside] == IGNORE).all()
    assert np.array_equal(image, before[0])
    assert np.array_equal(labels, before[1])


@pytest.mark.parametrize("name", [*AUGMENTATIONS, *PRESETS])
def test_the_same_key_gives_the_same_crop_and_another_key_another(name):
    random = np.random.default_rng(0)
    samples = [
        (random.integers(0, 256, (60, 80, 3), dtype=np.uint8), random.integers(0, 4, (60, 80)).astype(np.uint8))
        for _ in range(3)
    ]
    config = config_of(name)

    def crop(epoch):
        generator = sample_generator(1, epoch, 0)
        return augment(Decoded(*samples[0]), (32, 48), config, generator, pool_of(*samples), focus=2)

    first, again, other = crop(0), crop(0), crop(1)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize("name", [name for name in AUGMENTATIONS if name not in ("scale", "rare_crops")])
def test_each_augmentation_does_something(name):
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    labels = (np.arange(1600).reshape(40, 40) % 7).astype(np.uint8)
    whole = {"scale": (1.0, 1.0)}  # of a crop of this size it is the image itself
    same = augment(Decoded(image, labels), (40, 40), AugmentConfig(**{**OFF, **whole}), sample_generator(0, 0, 0))
    assert np.array_equal(same.image, image)
    assert np.array_equal(same.labels, labels)
    other = image[::-1] // 2, labels[::-1].copy()
    changed = augment(
        Decoded(image, labels), (40, 40), only(name, **whole), sample_generator(0, 0, 1), pool_of(other, other)
    )
    assert not np.array_equal(changed.image, image)
    assert np.array_equal(changed.labels, labels) == (name in COLOURS)


def test_every_knob_has_a_row_and_every_row_a_knob():
    knobs = {field.name for field in dataclasses.fields(AugmentConfig)} - {"preset", "style_images"}
    assert set(AUGMENTATIONS) == knobs
    for name in AUGMENTATIONS:
        assert callable(AUGMENTATIONS[name])
        assert 20 < len(AUGMENTATIONS.about(name)) < 300


def test_every_preset_names_knobs_and_has_a_meaning():
    assert list(PRESETS) == list(MEANINGS)
    for values in PRESETS.values():
        assert values.items() <= AugmentConfig(**values).__dict__.items()
        assert not values.items() & AugmentConfig().__dict__.items(), "a default needs no mention"
