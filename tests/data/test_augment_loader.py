"""Training batches: a function of (seed, step), whoever decodes what first; rare classes as often as asked for."""

import itertools
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest
import torch

from fakes import COLOURS, save_image, scene, write_folders
from segue.configs import AugmentConfig
from segue.data.augment import AUGMENTATIONS
from segue.data.classes import IGNORE, Classes
from segue.data.geometry import Preprocessing
from segue.data.image import read_mask
from segue.data.index import Sample
from segue.data.keyed import batch_keys
from segue.data.loader import TrainingSet, batches, read_sample
from segue.presets import PRESETS
from segue.style.own_painter import painter_for

ALL = AugmentConfig(**{name: 0.5 for name in AUGMENTATIONS if name != "scale"})
PREP = Preprocessing((32, 48), 1.4, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), largest=48 * 64, pixel_scale=1.0)


CLASSES = Classes(("ground", "disc", "box", "stripe"), COLOURS, (0, 1, 2, 3))


def samples_in(root):
    images = sorted((root / "images").iterdir())
    return [Sample(path.stem, path, root / "masks" / f"{path.stem}.png", "train") for path in images]


def training_set(samples, config, cache_bytes=2**30):
    pixels = np.array([np.bincount(read_mask(sample.mask).ravel(), minlength=4) for sample in samples])
    return TrainingSet(samples, CLASSES, pixels, PREP, config, 3, cache_bytes, painter=painter_for(config))


def first_batches(samples, config, workers, start=0, stop=5, cache_bytes=2**30):
    with closing(batches(training_set(samples, config, cache_bytes), 3, start, workers)) as stream:
        return list(itertools.islice(stream, stop - start))


def same(first, second):
    return (
        torch.equal(first.images, second.images)
        and torch.equal(first.labels, second.labels)
        and first.ids == second.ids
    )


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return samples_in(write_folders(tmp_path_factory.mktemp("data") / "six", count=6))


def test_a_batch_is_made_of_its_crops_and_lies_in_memory_as_the_network_reads_it(samples):
    data = training_set(samples, ALL)
    batch = data.batch(0, 6)
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    for key, image, labels in zip(batch_keys(3, 0, 6, 6), batch.images, batch.labels, strict=True):
        crop, its_labels, _ = data.draw(*key)
        assert torch.equal(crop, image)
        assert torch.equal(its_labels, labels)


def test_batches_do_not_depend_on_workers_memory_or_where_a_run_resumes(samples):
    reference = first_batches(samples, ALL, workers=0)
    assert not same(reference[0], reference[1])
    for workers, start, cache_bytes in ((1, 0, 2**30), (3, 0, 2**30), (3, 0, 0), (2, 3, 20_000), (0, 3, 0)):
        found = first_batches(samples, ALL, workers, start, cache_bytes=cache_bytes)
        assert all(same(a, b) for a, b in zip(reference[start:], found, strict=True)), (workers, start, cache_bytes)


def test_samples_are_kept_once_and_only_as_far_as_the_memory_goes(samples):
    kept = training_set(samples, ALL, cache_bytes=2 * 48 * 64 * 4)  # an image of three bytes a pixel, and its labels
    for _ in range(2):
        for index in range(len(kept)):
            kept.load(index)
    assert len(kept._cache) == 2
    assert kept._room == 0


def test_a_sample_that_two_threads_decode_at_once_is_counted_once(samples, monkeypatch):
    both = threading.Barrier(2, timeout=10)
    monkeypatch.setattr("segue.data.loader.read_sample", lambda *given: (both.wait() and None) or read_sample(*given))
    kept = training_set(samples, AugmentConfig(), cache_bytes=2 * 48 * 64 * 4)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(kept.load, (0, 0))
    assert np.array_equal(first[0], second[0])
    assert kept._room == 48 * 64 * 4


def test_nothing_is_decoded_before_it_is_asked_for(samples, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "segue.data.loader.read_sample", lambda *given: asked.append(given[0].id) or read_sample(*given)
    )
    training = training_set(samples, AugmentConfig())
    assert asked == []
    training.draw(0, 2)
    assert asked == [training.samples[2].id]
    training.draw(1, 2)
    assert len(asked) == 1


def test_padding_is_zero_after_normalising_and_never_counted(samples):
    config = AugmentConfig(scale=(1.5, 2.0), cutout=0.5, rotate=30.0)
    training, padded = training_set(samples, config), 0
    for index in range(len(training)):
        image, labels, _ = training.draw(0, index)
        gone = labels == IGNORE  # every pixel of these masks is labelled
        assert not image[:, gone].any()
        assert image[:, ~gone].any()
        padded += int(gone.sum())
    assert padded > 1000


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_makes_batches(samples, preset):
    for batch in first_batches(samples, AugmentConfig(preset=preset), workers=2, stop=3):
        assert batch.images.shape == (3, 3, 32, 48)
        assert batch.images.isfinite().all()
        assert set(np.unique(batch.labels)) <= {0, 1, 2, 3, IGNORE}
        assert set(batch.ids) <= {sample.id for sample in samples}


def test_crops_hold_the_rare_class_as_often_as_asked_for(tmp_path):
    """Two of ten parts have a small fault: 1 pixel of 600 in all."""
    for number in range(10):
        image, _ = scene(number)
        labels = np.zeros((48, 64), np.uint8)
        if number % 5 == 1:
            labels[30:35, 50:55] = 1
        save_image(tmp_path / "images" / f"{number}.png", image)
        save_image(tmp_path / "masks" / f"{number}.png", labels)
    samples = samples_in(tmp_path)
    draws, shares = 240, []
    for asked in (0.0, 0.5, 1.0):
        training = training_set(samples, AugmentConfig(rare_crops=asked))
        crops = [
            training.draw(epoch, index) for epoch in range(draws // len(training)) for index in range(len(training))
        ]
        held = [bool((labels == 1).any()) for _, labels, _ in crops]
        shares.append(np.mean(held))
    assert shares[0] < 0.2
    assert shares[1] == pytest.approx(0.5 + 0.5 * shares[0], abs=4 * math.sqrt(0.25 / draws))
    assert shares[2] == 1
    assert {name for _, _, name in crops} == {"1", "6"}
