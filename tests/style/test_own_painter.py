"""Training crops painted by the network that ships: labels and what is outside stay, and the key decides everything."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest
import torch

from fakes import COLOURS, save_image, scene, write_folders
from segue.configs import AugmentConfig
from segue.data.augment import augment
from segue.data.augment.pool import Pool, alone
from segue.data.augment.rare import RareClasses
from segue.data.augment.source import Decoded
from segue.data.augment.style import Styles, style_of, styles_for
from segue.data.augment.stylise import LEAST, MOST, stylise
from segue.data.classes import IGNORE, Classes
from segue.data.geometry import Preprocessing
from segue.data.image import read_mask
from segue.data.index import Sample
from segue.data.keyed import sample_generator
from segue.data.loader import TrainingSet, batches
from segue.errors import UsageError
from segue.style.adain import moments_of
from segue.style.model_folder import load_style_model
from segue.style.network import Wanted
from segue.style.own import FOLDER
from segue.style.own_painter import OwnPainter, painter_for

SIZE = (64, 56)
PREP = Preprocessing((32, 48), 1.4, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), largest=48 * 64, pixel_scale=1.0)
CLASSES = Classes(("ground", "disc", "box", "stripe"), COLOURS, (0, 1, 2, 3))
PAINTED = AugmentConfig(stylise=0.6)


@pytest.fixture(scope="module")
def painter():
    return OwnPainter()


def night(seed, size=SIZE):
    """A picture much darker and bluer than a scene."""
    return (scene(seed, size)[0] * np.array([0.15, 0.2, 0.5])).astype(np.uint8)


def full(size=SIZE):
    return np.ones(size, bool)


def painted(painter, image, inside=None, strength=1.0, style=None):
    moments = painter.moments(night(5) if style is None else style)
    return painter.painted(
        image.astype(np.float32), full(image.shape[:2]) if inside is None else inside, moments, strength
    )


# --- one crop --------------------------------------------------------------------------------------------------------


def test_a_crop_is_what_style_apply_paints(painter):
    """The network of `segue style apply`, asked directly."""
    network, _ = load_style_model(FOLDER)
    image, style = scene(0, SIZE)[0], night(1)
    as_batch = [torch.from_numpy(one).permute(2, 0, 1)[None].float() / 255 for one in (image, style)]
    with torch.no_grad():
        expected = network.stylise(as_batch[0], network.prepared([Wanted(picture=as_batch[1])]), 0.7)
    found = painted(painter, image, strength=0.7, style=style)
    assert found.dtype == np.float32
    assert found == pytest.approx(255 * expected[0].permute(1, 2, 0).numpy(), abs=0.05)


def test_the_stronger_the_nearer_to_the_style(painter):
    image, style = scene(0, SIZE)[0], night(1)
    assert painted(painter, image, strength=0.0) == pytest.approx(image.astype(np.float32), abs=1e-3)
    far = [
        np.abs(painted(painter, image, strength=s, style=style).mean((0, 1)) - style.mean((0, 1))).sum()
        for s in (0, 0.5, 1)
    ]
    assert far[0] > 1.5 * far[1] > 2 * far[2]


@pytest.mark.parametrize("rows", [8, 24])
def test_padding_neither_changes_nor_counts(painter, rows):
    """A crop with padding has the look that the same crop has without it, away from its border."""
    image = scene(0, SIZE)[0].astype(np.float32)
    inside = full()
    inside[:rows] = False
    moments = painter.moments(night(1))
    asked = sample_generator(0, 0, 0), sample_generator(0, 0, 0)
    found = stylise(np.where(inside[..., None], image, 0), inside, moments, painter, asked[0])
    assert not found[:rows].any()
    alone = stylise(image[rows:], full((SIZE[0] - rows, SIZE[1])), moments, painter, asked[1])
    assert np.abs(found[rows:] - alone)[12:].mean() < 6
    assert np.abs(found[rows:].mean((0, 1)) - alone.mean((0, 1))).max() < 6
    nothing = np.zeros_like(image)
    assert np.array_equal(stylise(nothing, ~full(), moments, painter, asked[0]), nothing)


def test_what_lies_in_the_padding_makes_no_difference(painter):
    image, inside = scene(0, SIZE)[0].astype(np.float32), full()
    inside[:, :20] = False
    other = np.where(inside[..., None], image, 255).astype(np.float32)
    first, second = (
        stylise(one, inside, painter.moments(night(1)), painter, sample_generator(0, 0, 0)) for one in (image, other)
    )
    assert np.array_equal(first[inside], second[inside])


def test_a_mirrored_crop_is_painted_as_a_copy_of_it(painter):
    """Flips are views that run backwards, which torch does not take."""
    image, inside = scene(0, SIZE)[0].astype(np.float32)[:, ::-1], full()
    inside[:20, :20] = False
    inside = inside[::-1, ::-1]
    moments = painter.moments(night(1)[::-1])
    found = stylise(image, inside, moments, painter, sample_generator(0, 0, 0))
    copies = (np.ascontiguousarray(one) for one in (image, inside))
    assert np.array_equal(found, stylise(*copies, moments, painter, sample_generator(0, 0, 0)))


def test_strengths_are_drawn_from_the_whole_range():
    asked = []

    class Noting:
        def moments(self, pixels):
            return ()

        def painted(self, image, inside, moments, strength):
            asked.append(strength)
            return image

    for index in range(300):
        stylise(np.zeros((4, 4, 3), np.float32), full((4, 4)), (), Noting(), sample_generator(0, 0, index))
    assert min(asked) == pytest.approx(LEAST, abs=0.02)
    assert max(asked) == pytest.approx(MOST, abs=0.02)
    assert np.mean(asked) == pytest.approx((LEAST + MOST) / 2, abs=0.05)


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (7, 3), (33, 47)])
def test_any_size_is_painted_within_range(painter, size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.float32)
    image.flags.writeable = False  # as decoders may give them
    found = painted(painter, image, style=night(2)[:9, :5])
    assert found.shape == (*size, 3)
    assert found.min() >= 0
    assert found.max() <= 255
    assert found.std() > 0 or size == (1, 1)


# --- in a training ---------------------------------------------------------------------------------------------------


def test_labels_and_what_is_ignored_stay_and_the_look_is_the_styles(painter):
    image, labels = scene(0, SIZE)
    labels[:9, :9] = IGNORE
    donor = Decoded(night(1), np.full(SIZE, IGNORE, np.uint8))
    pool = Pool(lambda _: donor, 1, RareClasses(np.ones((1, 4), np.int64)).draw, painter=painter)
    config = AugmentConfig(scale=(1.0, 1.0), flip=0.0, colour=0.0, stylise=1.0)
    found = augment(Decoded(image, labels), SIZE, config, sample_generator(0, 0, 0), pool)
    assert np.array_equal(found.labels, labels)
    assert found.inside.all()
    assert found.image.mean() < 0.75 * image.mean()


def test_a_pool_without_a_painter_is_told_so():
    source = Decoded(*scene(0, SIZE))
    with pytest.raises(UsageError, match=r"augment\.stylise: expected a pool with a painter, got none"):
        augment(source, SIZE, AugmentConfig(stylise=1.0), sample_generator(0, 0, 0), alone(source))


def test_moments_are_kept_of_a_style_where_they_are_asked_for(painter):
    assert style_of(night(0), SIZE).moments is None
    made = styles_for(PAINTED, SIZE, 3, lambda index: Decoded(*scene(index)), 4, painter)
    kept = [made.draw(sample_generator(0, 0, index)).moments for index in range(20)]
    assert len({id(one) for one in kept}) == 4, "each is made once"
    assert sum(one.numel() * 4 for one in kept[0]) < 3000
    network, _ = load_style_model(FOLDER)
    picture = torch.from_numpy(night(3)).permute(2, 0, 1)[None].float() / 255
    expected = [moments_of(features) for features in network.autoencoder.features(picture).values()]
    found = painter.moments(night(3))
    for place, one in enumerate(expected):
        assert torch.allclose(found[2 * place], one.mean[0], atol=1e-4)
        assert torch.allclose(found[2 * place + 1], one.deviation[0], atol=1e-4)


def test_only_a_training_that_paints_loads_the_network():
    assert painter_for(AugmentConfig(fda=1.0, histogram=1.0)) is None
    assert isinstance(painter_for(PAINTED), OwnPainter)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    root = write_folders(tmp_path_factory.mktemp("data") / "six", count=6)
    images = sorted((root / "images").iterdir())
    return [Sample(path.stem, path, root / "masks" / f"{path.stem}.png", "train") for path in images]


def first_batches(samples, config, workers=0, start=0, stop=4, cache_bytes=2**30):
    pixels = np.array([np.bincount(read_mask(sample.mask).ravel(), minlength=4) for sample in samples])
    data = TrainingSet(samples, CLASSES, pixels, PREP, config, 3, cache_bytes, painter=painter_for(config))
    with closing(batches(data, 3, start, workers)) as stream:
        return list(itertools.islice(stream, stop - start))


@pytest.mark.parametrize("own", [True, False], ids=["training images", "folder"])
def test_batches_do_not_depend_on_workers_memory_threads_or_where_a_run_resumes(samples, tmp_path, own):
    for number in range(3):
        save_image(tmp_path / f"{number}.png", night(number))
    config = AugmentConfig(stylise=0.6, colour=0.0, style_images=None if own else tmp_path)
    reference, plain = first_batches(samples, config), first_batches(samples, AugmentConfig(colour=0.0))
    same = [
        torch.equal(*pair)
        for a, b in zip(reference, plain, strict=True)
        for pair in zip(a.images, b.images, strict=True)
    ]
    assert 0 < sum(same) < 0.8 * len(same), f"{same}: some crops are painted, the others are as they were"
    assert all(torch.equal(a.labels, b.labels) for a, b in zip(reference, plain, strict=True))
    before = torch.get_num_threads()
    for workers, start, cache_bytes, threads in ((3, 0, 2**30, 1), (3, 0, 0, 2), (0, 2, 2**30, 2), (2, 2, 20_000, 1)):
        torch.set_num_threads(threads)
        try:
            found = first_batches(samples, config, workers, start, cache_bytes=cache_bytes)
            assert torch.get_num_threads() == threads
        finally:
            torch.set_num_threads(before)
        for a, b in zip(reference[start:], found, strict=True):
            assert torch.equal(a.images, b.images), (workers, start, cache_bytes)
            assert torch.equal(a.labels, b.labels)


def test_painting_takes_one_thread_and_leaves_others_theirs(painter, monkeypatch):
    seen, before = [], torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        own = OwnPainter()
        stylise_of = type(own._network).stylise
        monkeypatch.setattr(
            type(own._network),
            "stylise",
            lambda *words, **more: (
                seen.append((torch.get_num_threads(), torch.is_grad_enabled())) or stylise_of(*words, **more)
            ),
        )
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(lambda seed: painted(own, scene(seed, SIZE)[0]), range(4)))
        painted(own, scene(4, SIZE)[0])
        assert seen == [(1, False)] * 5
        assert torch.get_num_threads() == 3
        later = []
        thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert later == [3], "a thread that begins afterwards"
    finally:
        torch.set_num_threads(before)


def test_many_threads_paint_what_one_paints(painter):
    images = [scene(seed, SIZE)[0] for seed in range(8)]
    styles = Styles(lambda number: style_of(night(number), SIZE, painter), 3)
    drawn = [styles.draw(sample_generator(0, 0, seed)).moments for seed in range(8)]

    def paint(seed):
        return painter.painted(images[seed].astype(np.float32), full(), drawn[seed], 0.5)

    alone = [paint(seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as threads:
        for one, other in zip(alone, threads.map(paint, range(8)), strict=True):
            assert np.array_equal(one, other)
