"""The look of another picture: amplitudes and histograms are the style's, everything else is the crop's own."""

import dataclasses
import itertools
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import COLOURS, save_image, scene, write_folders
from segue.configs import AugmentConfig
from segue.data.augment import augment, style
from segue.data.augment.fda import LEAST, MOST, amplitude_of, exchanged, fda, slow_waves
from segue.data.augment.histogram import as_levels, level_counts, match_histogram
from segue.data.augment.pool import Pool
from segue.data.augment.rare import RareClasses
from segue.data.augment.source import Decoded
from segue.data.augment.style import Styles, check_styles, described, read_style, style_of, style_of_sample, styles_for
from segue.data.classes import IGNORE, Classes
from segue.data.geometry import Preprocessing
from segue.data.image import read_mask
from segue.data.index import Sample
from segue.data.keyed import sample_generator
from segue.data.loader import TrainingSet, batches
from segue.errors import DataError, UsageError

SIZE = (36, 52)
NOTHING = {"scale": (1.0, 1.0), "flip": 0.0, "colour": 0.0}
STYLED = AugmentConfig(fda=0.7, histogram=0.4)
PREP = Preprocessing((32, 48), 1.4, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), largest=48 * 64, pixel_scale=1.0)
CLASSES = Classes(("ground", "disc", "box", "stripe"), COLOURS, (0, 1, 2, 3))

seeds = st.integers(0, 10_000)
shapes = st.sampled_from([(36, 52), (17, 40), (33, 9), (5, 4), (1, 12), (2, 1)])


def picture(seed, size=SIZE, low=0, high=256):
    """Smooth colours with some noise, as photographs have them."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]] / 20
    waves = [np.sin(generator.uniform(-2, 2) * rows + generator.uniform(-2, 2) * columns) for _ in range(3)]
    image = 0.5 + 0.3 * np.stack(waves, axis=2) * generator.random(3) + generator.normal(0, 0.05, (*size, 3))
    return (low + (high - 1 - low) * image.clip(0, 1)).astype(np.uint8)


def full(size):
    return np.ones(size, bool)


def slow(size, beta):
    """Which waves of a plain two-dimensional transform are exchanged."""
    down, across = np.fft.fftfreq(size[0]), np.fft.fftfreq(size[1])
    return (np.abs(down)[:, None] < beta) & (np.abs(across)[None] < beta)


# --- Fourier domain adaptation ---------------------------------------------------------------------------------------


@given(seeds, shapes, st.floats(LEAST, MOST))
@settings(max_examples=60, deadline=None)
def test_slow_waves_have_the_amplitude_of_the_style_and_all_else_is_kept(seed, size, beta):
    image, other = picture(seed, size).astype(np.float32), picture(seed + 1, size)
    before, wanted = np.fft.fft2(image, axes=(0, 1)), np.abs(np.fft.fft2(other, axes=(0, 1)))
    after = np.fft.fft2(exchanged(image, amplitude_of(other), beta), axes=(0, 1))
    rounding = 1e-4 * 255 * image[..., 0].size
    changed = slow(size, beta)
    assert changed.any()
    present = np.abs(before[changed]) > 2e-3 * image[..., 0].size  # the others are faint
    expected = np.where(present, before[changed] * (wanted[changed] / np.abs(before[changed] + ~present)), 0)
    assert after[changed][present] == pytest.approx(expected[present], abs=rounding)
    assert after[~changed] == pytest.approx(before[~changed], abs=rounding)


@given(seeds, shapes)
@settings(max_examples=20, deadline=None)
def test_beta_0_and_the_crop_itself_as_style_change_nothing(seed, size):
    image, other = picture(seed, size).astype(np.float32), picture(seed + 1, size)
    assert np.array_equal(exchanged(image, amplitude_of(other), 0.0), image)
    assert np.array_equal(exchanged(image, amplitude_of(image), MOST), image)
    assert np.array_equal(fda(image, full(size), amplitude_of(image), sample_generator(seed, 0, 0)), image)


def test_the_smallest_beta_exchanges_the_mean_colour_alone():
    image, other = picture(1).astype(np.float32), picture(2)
    found = exchanged(image, amplitude_of(other), LEAST)
    assert slow_waves(image, LEAST).shape == (3, 1, 1)
    assert found.mean(axis=(0, 1)) == pytest.approx(other.mean(axis=(0, 1)), abs=0.01)
    assert found - found.mean(axis=(0, 1)) == pytest.approx(image - image.mean(axis=(0, 1)), abs=0.01)


def test_a_wave_that_the_crop_does_not_have_stays_away():
    even = np.full((*SIZE, 3), 100, np.float32)
    found = exchanged(even, amplitude_of(picture(3)), MOST)
    assert found.std(axis=(0, 1)) == pytest.approx(0, abs=0.01)
    assert found.mean(axis=(0, 1)) == pytest.approx(picture(3).mean(axis=(0, 1)), abs=0.01)


def test_betas_are_drawn_from_the_whole_range(monkeypatch):
    betas = []
    monkeypatch.setattr("segue.data.augment.fda.exchanged", lambda image, _, beta: betas.append(beta) or image)
    crop, amplitude = np.zeros((4, 4, 3), np.float32), amplitude_of(picture(0, (4, 4)))
    for index in range(200):
        fda(crop, full((4, 4)), amplitude, sample_generator(0, 0, index))
    assert min(betas) == pytest.approx(LEAST, abs=0.002)
    assert max(betas) == pytest.approx(MOST, abs=0.002)


# --- histogram matching ----------------------------------------------------------------------------------------------


@given(seeds, seeds)
@settings(max_examples=40, deadline=None)
def test_quantiles_become_those_of_the_style_and_order_is_kept(seed, other):
    image, wanted = picture(seed, (90, 120)), picture(other, (80, 100), 40, 200)
    found = match_histogram(image.astype(np.float32), full((90, 120)), level_counts(wanted))
    for channel in range(3):
        own, new, style_of_it = image[..., channel].ravel(), found[..., channel].ravel(), wanted[..., channel].ravel()
        shares = np.linspace(0.05, 0.95, 10)
        # a quantile is exact but for the pixels that share a level
        within = np.quantile(style_of_it, [shares - 0.03, shares + 0.03])
        assert (np.quantile(new, shares) >= within[0] - 1).all()
        assert (np.quantile(new, shares) <= within[1] + 1).all()
        order = np.argsort(own, kind="stable")
        assert (np.diff(new[order]) >= 0).all()


def test_the_crop_itself_as_style_changes_nothing():
    image = picture(4)
    assert np.array_equal(match_histogram(image.astype(np.float32), full(SIZE), level_counts(image)), image)


def test_a_worked_example():
    """Two dark and two light pixels, matched to 10, 10, 20 and 200."""
    image = np.array([[[50], [50]], [[90], [90]]], np.float32)
    counts = level_counts(np.array([[[10], [10]], [[20], [200]]], np.uint8))
    # half of the pixels have 10, so its middle rank is 1/4; those of 20 and 200 are 5/8 and 7/8
    found = match_histogram(image, full((2, 2)), counts)[..., 0]
    assert found.tolist() == [[10, 10], [110, 110]]


def test_levels_are_rounded_and_kept_in_range():
    assert as_levels(np.array([-3.0, 0.4, 254.6, 300.0], np.float32)).tolist() == [0, 0, 255, 255]


# --- both ------------------------------------------------------------------------------------------------------------


def apply(name, image, inside, other, seed=0):
    made = style_of(other, image.shape[:2])
    if name == "fda":
        return fda(image, inside, made.amplitude, sample_generator(seed, 0, 0))
    return match_histogram(image, inside, made.counts)


@given(seeds)
@settings(max_examples=20, deadline=None)
@pytest.mark.parametrize("name", ["fda", "histogram"])
def test_what_is_outside_neither_changes_nor_counts(name, seed):
    image, other = picture(seed).astype(np.float32), picture(seed + 1, (60, 30), 0, 120)
    inside = full(SIZE)
    inside[: seed % SIZE[0] + 1, : seed % 17] = False
    image[~inside] = 0
    found = apply(name, image, inside, other)
    assert not found[~inside].any()
    assert found.min() >= 0
    assert found.max() <= 255
    assert found.dtype == np.float32
    # the darker style has a darker mean, which black padding would have pulled down
    assert found[inside].mean(axis=0) == pytest.approx(other.mean(axis=(0, 1)), abs=25 if name == "fda" else 4)
    assert np.array_equal(apply(name, np.zeros_like(image), np.zeros(SIZE, bool), other), np.zeros_like(image))


@pytest.mark.parametrize("name", ["fda", "histogram"])
def test_the_look_becomes_the_styles_and_labels_stay_as_they_are(name):
    image, labels = scene(0, SIZE)
    dark = (scene(1, SIZE)[0] * np.array([0.5, 0.3, 0.3])).astype(np.uint8)
    donor = Decoded(dark, np.full(SIZE, IGNORE, np.uint8))
    pool = Pool(lambda _: donor, 1, RareClasses(np.ones((1, 4), np.int64)).draw)
    config = AugmentConfig(**NOTHING, **{name: 1.0})
    found = augment(Decoded(image, labels), SIZE, config, sample_generator(0, 0, 0), pool)
    assert np.array_equal(found.labels, labels)
    assert found.image.mean(axis=(0, 1)) == pytest.approx(dark.mean(axis=(0, 1)), abs=15)


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
@pytest.mark.parametrize("name", ["fda", "histogram", "stylise"])
def test_other_numbers_of_channels_are_refused(name, channels):
    config = AugmentConfig(**{name: 0.1})
    message = rf"augment\.fda, histogram and stylise: expected images of three channels, got {channels}: leave them"
    with pytest.raises(DataError, match=message):
        check_styles(config, channels)
    with pytest.raises(DataError, match=message):
        styles_for(config, SIZE, channels, lambda _: None, 3)
    source = Decoded(np.zeros((*SIZE, channels), np.uint8), np.zeros(SIZE, np.uint8))
    with pytest.raises(DataError, match=message):
        augment(source, SIZE, AugmentConfig(**{name: 1.0}), sample_generator(0, 0, 0))
    check_styles(AugmentConfig(), channels)
    assert styles_for(AugmentConfig(), SIZE, channels, lambda _: None, 3) is None


# --- where styles come from ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("styles")
    for number in range(3):
        save_image(root / "night" / f"{number}.png", picture(number, (50, 70), 0, 60))
    save_image(root / "grey.png", picture(9, (30, 30))[..., 0])
    (root / "notes.txt").write_text("not a picture")
    return root


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    root = write_folders(tmp_path_factory.mktemp("data") / "six", count=6)
    images = sorted((root / "images").iterdir())
    return [Sample(path.stem, path, root / "masks" / f"{path.stem}.png", "train") for path in images]


def training_set(samples, config, cache_bytes=2**30):
    pixels = np.array([np.bincount(read_mask(sample.mask).ravel(), minlength=4) for sample in samples])
    return TrainingSet(samples, CLASSES, pixels, PREP, config, 3, cache_bytes)


def first_batches(samples, config, workers=0, start=0, stop=4, cache_bytes=2**30):
    with closing(batches(training_set(samples, config, cache_bytes), 3, start, workers)) as stream:
        return list(itertools.islice(stream, stop - start))


@pytest.mark.parametrize("own", [True, False], ids=["training images", "folder"])
def test_batches_do_not_depend_on_workers_memory_or_where_a_run_resumes(samples, folder, own):
    config = dataclasses.replace(STYLED, style_images=None if own else folder)
    reference = first_batches(samples, config)
    plain = first_batches(samples, AugmentConfig())
    assert not any(torch.equal(a.images, b.images) for a, b in zip(reference, plain, strict=True))
    for workers, start, cache_bytes in ((3, 0, 2**30), (3, 0, 0), (0, 2, 2**30), (2, 2, 20_000)):
        found = first_batches(samples, config, workers, start, cache_bytes=cache_bytes)
        for a, b in zip(reference[start:], found, strict=True):
            assert torch.equal(a.images, b.images), (workers, start, cache_bytes)
            assert torch.equal(a.labels, b.labels)


def test_geometry_and_labels_of_a_run_without_other_draws_are_as_without_styles(samples):
    """Styles are drawn after the crop was cut, so the same key gives the same labels."""
    for a, b in zip(first_batches(samples, STYLED), first_batches(samples, AugmentConfig()), strict=True):
        assert torch.equal(a.labels, b.labels)


def test_styles_of_a_folder_are_those_of_its_pictures_grey_ones_too(folder, caplog):
    config = dataclasses.replace(STYLED, style_images=folder)
    with caplog.at_level(logging.INFO, logger="segue"):
        made = styles_for(config, SIZE, 3, lambda _: pytest.fail("no sample is asked for"), 5)
    assert f"styles from 4 of 4 pictures in {folder}" in caplog.text
    drawn = [made.draw(sample_generator(0, 0, index)) for index in range(60)]
    for path in ("grey.png", "night/0.png", "night/1.png", "night/2.png"):
        expected = read_style(folder / path, SIZE)
        assert any(np.array_equal(one.counts, expected.counts) for one in drawn), path
    assert len({one.counts.tobytes() for one in drawn}) == 4
    assert (read_style(folder / "grey.png", SIZE).counts[0] == read_style(folder / "grey.png", SIZE).counts[2]).all()


def test_of_many_pictures_some_evenly_spread_are_taken_and_little_is_kept(samples, folder, monkeypatch):
    monkeypatch.setattr(style, "MOST", 2)
    read = []
    monkeypatch.setattr(style, "read_style", lambda path, **how: read.append(path.name) or read_style(path, **how))
    made = styles_for(dataclasses.replace(STYLED, style_images=folder), (480, 640), 3, lambda _: None, 9)
    assert sorted(read) == ["2.png", "grey.png"]
    one = made.draw(sample_generator(0, 0, 0))
    assert one.amplitude.nbytes + one.counts.nbytes < 100_000
    asked = []
    own = styles_for(STYLED, SIZE, 3, lambda index: asked.append(index) or Decoded(*scene(index)), 9)
    for index in range(30):
        own.draw(sample_generator(0, 0, index))
    assert sorted(asked) == [0, 8], "each once"


def test_two_threads_that_draw_the_same_style_get_the_same():
    made = Styles(lambda number: style_of(picture(number), SIZE), 1)
    with ThreadPoolExecutor(4) as threads:
        drawn = list(threads.map(lambda index: made.draw(sample_generator(0, 0, index)), range(40)))
    assert len({id(one) for one in drawn}) == 1


def test_of_a_large_sample_the_middle_is_read():
    asked = []

    class Large:
        size, channels = (10_000, 300), 3

        def part(self, rows, columns):
            asked.append((rows, columns))
            size = (rows.stop - rows.start, columns.stop - columns.start)
            return np.zeros((*size, 3), np.uint8), np.zeros(size, np.uint8)

        def place(self, chosen, generator):
            return None

    style_of_sample(Large(), (32, 48))
    assert asked == [(slice(4936, 5064), slice(54, 246))]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda root: root / "nowhere", "expected a folder of pictures for augment.style_images, found no such folder"),
        (lambda root: root, "expected pictures for augment.style_images, found none in it: give another folder"),
    ],
)
def test_a_folder_without_pictures_is_refused_before_any_work(tmp_path, made, message):
    config = dataclasses.replace(STYLED, style_images=made(tmp_path))
    with pytest.raises(DataError, match=message):
        check_styles(config, 3)
    with pytest.raises(DataError, match=message):
        styles_for(config, SIZE, 3, lambda _: None, 3)


def test_a_picture_that_has_no_style_is_named(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    np.save(tmp_path / "bands.npy", np.zeros((8, 8, 5), np.uint8))
    with pytest.raises(DataError, match=r"broken\.png: expected a PNG, JPEG"):
        read_style(tmp_path / "broken.png", SIZE)
    with pytest.raises(DataError, match=r"bands\.npy: expected a picture of three channels .*, got 5 channels: remove"):
        read_style(tmp_path / "bands.npy", SIZE)


def test_style_images_without_an_augmentation_that_takes_styles_are_refused(folder):
    with pytest.raises(UsageError, match="style_images: expected fda, histogram or stylise above 0 beside it"):
        AugmentConfig(style_images=folder)
    for name in ("fda", "histogram", "stylise"):
        assert AugmentConfig(**{name: 0.1}, style_images=folder).style_images == folder


def test_another_folder_of_styles_is_described_otherwise(folder, tmp_path):
    save_image(tmp_path / "a.png", picture(0))
    before = described(tmp_path)
    assert before.startswith("1 pictures (")
    assert described(tmp_path) == before
    save_image(tmp_path / "b.png", picture(1))
    assert described(tmp_path) != before
    assert described(folder).startswith("4 pictures (")
