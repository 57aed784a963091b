"""What comes before a training step, alone: images that are decoded, crops that are cut and augmented."""

from __future__ import annotations

import itertools
from contextlib import closing

from segue.configs import FitConfig
from segue.data.census import spread
from segue.data.geometry import Preprocessing
from segue.data.loader import CACHE_BYTES, TrainingSet, batches, bytes_in_memory, read_sample
from segue.data.prepare import Data
from segue.speed.turns import Slice, repeated
from segue.style.own_painter import painter_for

MOST_IMAGES = 32  # that are measured with, unless a batch is larger: they have to be decoded first


class Images:
    """Some of the training images, twice: `kept` in memory once they were decoded, `decoded` each time anew.

    `numbers` are their places among all training images.
    """

    def __init__(self, config: FitConfig, data: Data, prep: Preprocessing) -> None:
        samples = data.of("train")
        self.numbers = spread(range(len(samples)), max(MOST_IMAGES, config.optim.batch))
        self.samples = tuple(samples[number] for number in self.numbers)
        self.classes = data.classes
        self.prep = prep
        pixels = data.counts_of("train")[list(self.numbers)]
        augment, painter = config.augment, painter_for(config.augment)
        self.kept, self.decoded = (
            TrainingSet(self.samples, data.classes, pixels, prep, augment, config.seed, room, painter=painter)
            for room in (CACHE_BYTES, 0)
        )

    def bytes_each(self) -> float:
        """What one of them takes in memory, on average; nothing of rasters that are read by the window."""
        return sum(bytes_in_memory(self.kept.load(i)) for i in range(len(self.kept))) / len(self.kept)


def share_from_memory(draws: int, images: int, bytes_each: float) -> float:
    """The share of a run's `draws` that find their image decoded; of `images`, as many as fit are kept.

    >>> share_from_memory(4000, 100, 1e6), share_from_memory(50, 100, 1e6)
    (0.975, 0.0)
    """
    kept = images if bytes_each * images <= CACHE_BYTES else int(CACHE_BYTES // bytes_each)
    first = min(draws, images)
    return (draws - first) * kept / images / draws


def reading(images: Images) -> Slice:
    """Image and mask decoded, as training and validation read them."""
    turn = itertools.cycle(images.samples)

    def work() -> int:
        read_sample(next(turn), images.classes, images.prep)
        return 1

    return lambda seconds: {"read": repeated(work, seconds)}


def crops(name: str, data: TrainingSet) -> Slice:
    """Crops of one thread."""
    positions = itertools.count()

    def work() -> int:
        data.draw(*divmod(next(positions), len(data)))
        return 1

    return lambda seconds: {name: repeated(work, seconds)}


def crops_ahead(name: str, data: TrainingSet, batch: int, workers: int) -> Slice:
    """Crops of several threads, in batches that nobody trains on."""

    def take(seconds: float) -> dict[str, float]:
        stream = batches(data, batch, 0, workers)

        def work() -> int:  # one batch of each thread: they begin together, so they end in bunches
            for _ in range(workers):
                next(stream)
            return workers * batch

        with closing(stream):  # type: ignore[type-var]  # a generator, typed as an iterator
            work()  # from here on, all of them are at it
            return {name: repeated(work, seconds)}

    return take
