"""Rasters read by the window: the same bits as from the whole raster, whatever augmentation asks for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fakes import COLOURS, save_image, scene
from rasters import BLOCKS, reflectances, write_raster
from segue.configs import AugmentConfig
from segue.data import by_window
from segue.data.augment.rare import random_place
from segue.data.augment.source import Decoded, Source
from segue.data.by_window import WindowedSample, shrunk, windowed
from segue.data.classes import IGNORE, Classes
from segue.data.geometry import Preprocessing, resize_image, resize_labels
from segue.data.index import Sample
from segue.data.keyed import sample_generator
from segue.data.loader import TrainingSet, read_sample
from segue.errors import DataError

SIZE = (150, 130)
CROP = (24, 32)
FIVE = Preprocessing(CROP, 1.4, (0.4,) * 5, (0.2,) * 5, 150 * 130, 1.0, ranges=((300.0, 9000.0),) * 5)
THREE = Preprocessing(CROP, 1.4, (0.4, 0.5, 0.6), (0.2,) * 3, 150 * 130, 1.0)
NUMBERS = Classes(("ground", "disc", "box", "stripe"), COLOURS, (0, 1, 2, 3))
NATIVE = {"scale": (0.2, 0.3)}  # crops show pixels of the raster: nothing is shrunk
MIXED = NATIVE | {"rare_crops": 0.5, "mosaic": 0.5, "copy_paste": 0.5, "cutmix": 0.5, "cutout": 0.3}
BENT = NATIVE | {"rotate": 40, "elastic": 1.0, "grid": 0.9, "quarter_turn": 0.75, "rare_crops": 0.5}
WIDE = {"scale": (0.2, 4.0), "rotate": 180}  # windows that stick out on all sides


def reflectance(folder: Path, number: int, **layout: object) -> Sample:
    """Sixteen bits, five bands, "no data" in the image and in the mask."""
    image, labels = reflectances(number, size=SIZE)
    image[:9], image[70:80, 40:60] = 0, 0
    labels[100:104] = 200
    path = write_raster(folder / f"{number}.tif", image, nodata=0, compress="deflate", **layout)
    return Sample(str(number), path, write_raster(folder / f"{number}_m.tif", labels, nodata=200, **layout), "train")


def picture(folder: Path, number: int, **layout: object) -> Sample:
    """Eight bits with an alpha band, and a mask in colours."""
    image, labels = scene(number, SIZE)
    alpha = np.full(SIZE, 255, np.uint8)
    alpha[20:60, 50:55] = 0
    path = write_raster(folder / f"{number}.tif", image, alpha=alpha, **layout)
    mask = write_raster(folder / f"{number}_m.tif", np.array(COLOURS, np.uint8)[labels], photometric="RGB", **layout)
    return Sample(str(number), path, mask, "train")


KINDS = {
    "reflectances": (reflectance, NUMBERS, FIVE),
    "colours": (picture, Classes(NUMBERS.names, COLOURS, COLOURS, ()), THREE),
}


def training_set(samples: list[Sample], classes: Classes, prep: Preprocessing, config: AugmentConfig, least: int):
    labels = [read_sample(sample, classes, prep)[1] for sample in samples]
    pixels = np.array([[int((one == number).sum()) for number in range(len(classes))] for one in labels])
    return TrainingSet(samples, classes, pixels, prep, config, 5, whole_bytes=least)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("config", [NATIVE, MIXED, BENT, WIDE], ids=["native", "mixed", "bent", "wide"])
def test_crops_are_the_same_to_the_bit_as_from_whole_rasters(tmp_path, kind, config):
    make, classes, prep = KINDS[kind]
    layout = {"tiled": False} if config is MIXED else BLOCKS
    samples = [make(tmp_path, number, **layout) for number in range(3)]
    chosen = AugmentConfig(**config)
    by_part, whole = (training_set(samples, classes, prep, chosen, least) for least in (0, 2**40))
    assert [type(by_part.load(0)), type(whole.load(0))] == [WindowedSample, Decoded]
    for epoch in range(4):
        for index in range(3):
            (image, labels, name), (own, truth, same) = by_part.draw(epoch, index), whole.draw(epoch, index)
            assert name == same
            assert torch.equal(image, own)
            assert torch.equal(labels, truth)


def test_a_crop_reads_the_pixels_it_shows_and_few_others(tmp_path, monkeypatch):
    samples = [reflectance(tmp_path, 0, **BLOCKS)]
    data = training_set(samples, NUMBERS, FIVE, AugmentConfig(scale=(0.2, 0.2)), 0)
    read: list[int] = []

    def counted(path: Path, window: tuple[int, int, int, int]):
        left, top, right, bottom = window
        read.append((right - left) * (bottom - top))
        return original(path, window)

    original = by_window.read_window
    monkeypatch.setattr(by_window, "read_window", counted)
    for epoch in range(20):
        data.draw(epoch, 0)
    assert len(read) == 20
    assert max(read) < 1.6 * 0.2**2 * SIZE[0] * SIZE[1]  # the window, and what the filter reaches beyond it


@pytest.mark.parametrize("kind", KINDS)
def test_places_of_a_class_are_those_of_the_whole_mask(tmp_path, kind, monkeypatch):
    make, classes, prep = KINDS[kind]
    sample = make(tmp_path, 1, **BLOCKS)
    monkeypatch.setattr(by_window, "AT_ONCE", 1 << 14)  # a few rows
    source = windowed(sample, classes, prep, 0)
    assert source is not None
    _, labels = read_sample(sample, classes, prep)
    for chosen in range(len(classes)):
        for seed in range(8):
            found = source.place(chosen, sample_generator(seed, 0, 0))
            assert found == random_place(labels, chosen, sample_generator(seed, 0, 0))
    blank = write_raster(tmp_path / "blank.tif", np.full((*SIZE, 3), COLOURS[0], np.uint8), photometric="RGB")
    if kind == "colours":
        only = windowed(Sample("blank", sample.image, blank, "train"), classes, prep, 0)
        assert only.place(2, sample_generator(0, 0, 0)) is None


@pytest.mark.parametrize("kind", KINDS)
def test_rasters_that_crops_show_small_are_shrunk_in_bands_alike_and_kept(tmp_path, kind, monkeypatch):
    make, classes, prep = KINDS[kind]
    samples = [make(tmp_path, 2, **BLOCKS)]
    monkeypatch.setattr(by_window, "AT_ONCE", 1 << 16)
    by_part, whole = (training_set(samples, classes, prep, AugmentConfig(), least) for least in (0, 2**40))
    first, second = by_part.load(0), whole.load(0)
    assert isinstance(first, Decoded)
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.labels, second.labels)
    assert by_part.load(0) is first


def test_shrinking_in_bands_is_shrinking(monkeypatch):
    image, labels = scene(4, (190, 210))
    source: Source = Decoded(image, labels)
    monkeypatch.setattr(by_window, "AT_ONCE", 1 << 16)
    found = shrunk(source, (53, 59))
    difference = np.abs(found.image.astype(int) - resize_image(image, (53, 59)).astype(int))
    assert difference.max() <= 1  # positions are single floats, counted from another row
    assert (found.labels == resize_labels(labels, (53, 59))).mean() > 0.999


def test_what_is_no_pair_of_large_rasters_is_decoded_whole(tmp_path):
    sample = reflectance(tmp_path, 0)
    assert windowed(sample, NUMBERS, FIVE, 0) is not None
    assert windowed(sample, NUMBERS, FIVE, SIZE[0] * SIZE[1] * 21 + 1) is None  # five floats and a label to a pixel
    drawn = replace(sample, mask=save_image(tmp_path / "mask.png", reflectances(0, size=SIZE)[1]))
    assert windowed(drawn, NUMBERS, FIVE, 0) is None
    photo = replace(sample, image=save_image(tmp_path / "photo.png", scene(0, SIZE)[0]))
    assert windowed(photo, NUMBERS, FIVE, 0) is None
    other = replace(sample, mask=write_raster(tmp_path / "other.tif", np.zeros((9, 9), np.uint8)))
    assert windowed(other, NUMBERS, FIVE, 0) is None
    with pytest.raises(DataError, match="expected a mask of 130x150 pixels like its image, got 9x9"):
        training_set([other], NUMBERS, FIVE, AugmentConfig(), 0)


def test_pixels_without_data_are_ignored_by_the_window_too(tmp_path):
    source = windowed(reflectance(tmp_path, 0), NUMBERS, FIVE, 0)
    image, labels = source.part(slice(5, 12), slice(40, 44))
    assert (labels[:4] == IGNORE).all()
    assert (labels[4:] != IGNORE).all()
    np.testing.assert_allclose(image[:4], 0.4 * 255, rtol=1e-6)
    assert (source.part(slice(100, 104), slice(0, 130))[1] == IGNORE).all()


def test_an_image_that_has_data_everywhere_is_not_read_for_places(tmp_path, monkeypatch):
    image, labels = scene(0, SIZE)
    path, mask = write_raster(tmp_path / "a.tif", image), write_raster(tmp_path / "a_mask.tif", labels)
    source = windowed(Sample("a", path, mask, "train"), NUMBERS, THREE, 0)
    monkeypatch.setattr(by_window, "read_window", lambda *given: pytest.fail("the image was read"))
    assert source.place(1, sample_generator(0, 0, 0)) == random_place(labels, 1, sample_generator(0, 0, 0))
