"""Training batches, decoded and augmented by threads ahead of the step that needs them.

Threads rather than processes: decoding and resizing leave the interpreter lock, the decoded images are cached once for
all workers, nothing has to fit in shared memory, and no orphan survives a killed run. What a batch holds depends on
(seed, step) alone, never on the number of workers, nor on which of them happened to decode a sample first.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from segue.configs import AugmentConfig
from segue.data.augment import augment
from segue.data.augment.odds import happens
from segue.data.augment.pool import Pool
from segue.data.augment.rare import RareClasses
from segue.data.augment.source import Decoded, Source
from segue.data.augment.style import styles_for
from segue.data.augment.stylise import Painter
from segue.data.augment.view import Labels, Pixels
from segue.data.by_window import assembled, shrunk, windowed
from segue.data.classes import Classes
from segue.data.geometry import Preprocessing, fitting_scale
from segue.data.image import read_mask, read_with_missing
from segue.data.index import Sample
from segue.data.keyed import batch_keys, sample_generator
from segue.data.listing import Chosen
from segue.data.normalise import standardised
from segue.errors import DataError, TrainingStoppedError

CACHE_BYTES = 2 * 2**30  # of decoded samples that are kept in memory
MOST_BROKEN = 100  # samples left out, at which training stops
ALL = slice(None)
_log = logging.getLogger("segue")


@dataclass(frozen=True)
class Batch:
    """Images, class ids (255 is ignored) and the ids of the samples they are crops of."""

    images: Float[Tensor, "batch channels height width"]
    labels: UInt8[Tensor, "batch height width"]
    ids: tuple[str, ...]


def read_sample(sample: Sample, classes: Classes, prep: Preprocessing) -> tuple[Pixels, Labels]:
    """Decode one labelled sample: pixels (H, W, C) on the 0-255 scale and class ids (H, W).

    Pixels for which a raster has no data get the mean colour and are ignored.
    """
    if sample.mask is None:
        raise DataError(f"{sample.image}: expected a mask for it, got none: remove the image or label it")
    image, missing = read_with_missing(sample.image, ranges=prep.ranges)
    return assembled(image, missing, read_mask(sample.mask), sample.mask, classes, prep)


def bytes_in_memory(source: Source) -> int:
    """What a sample takes of the cache; one that is read by the window takes nothing."""
    return source.image.nbytes + source.labels.nbytes if isinstance(source, Decoded) else 0


class TrainingSet:
    """Labelled samples, read when needed, kept in memory as far as `cache_bytes` goes, and augmented by key.

    Rasters that take `whole_bytes` or more when decoded are read by the window, the part a crop shows, where crops show
    them at their own resolution; where they are much larger than what crops show, they are shrunk once and kept.

    `pixels` are the samples' pixels of each class: they tell which classes are rare, and who has them. Where not all
    samples were looked at (`Chosen.seen`), `pixels` are of those that were, and one that cannot be read is left out
    instead of refused. Threads may ask for any sample at any time.

    Pictures that styles are taken from (`segue.data.augment.style`) are decoded at once, what is kept of them is small.
    `painter` is what paints crops where `augment_config.stylise` asks for it.
    """

    def __init__(  # noqa: PLR0913 - the samples, how they are changed, and what may be kept of them
        self,
        samples: Sequence[Sample],
        classes: Classes,
        pixels: Int64[np.ndarray, "samples classes"],
        prep: Preprocessing,
        augment_config: AugmentConfig,
        seed: int,
        cache_bytes: int = CACHE_BYTES,
        whole_bytes: int = 128 * 2**20,
        painter: Painter | None = None,
    ) -> None:
        self.samples = samples
        self._classes = classes
        self._prep = prep
        self._augment = augment_config
        self._seed = seed
        self._room = cache_bytes
        self._whole = whole_bytes
        self._cache: dict[int, Source] = {}
        self._lock = threading.Lock()
        seen = samples.seen if isinstance(samples, Chosen) else None
        self._unseen = seen is not None
        self._broken: set[int] = set()
        styles = styles_for(augment_config, prep.size, prep.channels, self.load, len(self.samples), painter)
        self._pool = Pool(self.load, len(self.samples), RareClasses(pixels, seen).draw, styles, painter)

    def __len__(self) -> int:
        return len(self.samples)

    def load(self, index: int) -> Source:
        """The sample, decoded or to be read by the window, no larger than the largest size augmentation can ask for."""
        kept = self._cache.get(index)
        if kept is not None:
            return kept
        source = self._shrink(self._open_or_other(index) if self._unseen else self._open(self.samples[index]))
        weight = bytes_in_memory(source)
        with self._lock:  # two threads may have decoded the same sample; one is kept and counted
            if index not in self._cache and weight <= self._room:
                self._room -= weight
                self._cache[index] = source
            return self._cache.get(index, source)

    def _open_or_other(self, index: int) -> Source:
        """The sample, or the next in the list that can be read: among a million that nobody looked at, some cannot."""
        try:
            return self._open(self.samples[index])
        except DataError as error:
            with self._lock:
                new = index not in self._broken
                self._broken.add(index)
            if len(self._broken) >= MOST_BROKEN:
                count = len(self._broken)
                raise TrainingStoppedError(f"{count} samples cannot be used; the last one: {error}") from None
            if new:
                _log.warning("left out, the next in the list stands in for it: %s", error)
            return self._open_or_other((index + 1) % len(self))

    def _open(self, sample: Sample) -> Source:
        by_window = windowed(sample, self._classes, self._prep, self._whole)
        return by_window or Decoded(*read_sample(sample, self._classes, self._prep))

    def _shrink(self, source: Source) -> Source:
        height, width = source.size
        factor = fitting_scale(height, width, self._prep.size) / self._augment.scale[0]
        if factor > 0.8:  # resampling twice costs a little sharpness; it must be worth it
            return source
        return shrunk(source, (max(1, round(height * factor)), max(1, round(width * factor))))

    def draw(
        self, epoch: int, index: int
    ) -> tuple[Float[Tensor, "channels height width"], UInt8[Tensor, "height width"], str]:
        """Sample `index` as pass `epoch` sees it, and its id: the same every time it is asked for.

        A share `augment.rare_crops` of all draws gives a crop of another sample, one that holds a rare class. The
        channels of a pixel lie side by side in memory, as the network reads them.
        """
        generator = sample_generator(self._seed, epoch, index)
        focus = None
        if happens(self._augment.rare_crops, generator):
            focus, index = self._pool.rare(generator)
        crop, labels, inside = augment(self.load(index), self._prep.size, self._augment, generator, self._pool, focus)
        pixels = standardised(crop, self._prep)
        if not inside.all():
            pixels *= inside[..., None]  # padding is the mean colour, 0 after normalising
        image = torch.from_numpy(pixels).permute(2, 0, 1)
        return image, torch.from_numpy(labels.copy()), self.samples[index].id  # a decoded array may be read-only

    def batch(self, step: int, batch: int, part: slice = ALL) -> Batch:
        """All samples of one training step, or those at some places of its batch; channels-last in memory."""
        keys = batch_keys(self._seed, step, batch, len(self))[part]
        images, labels, ids = zip(*(self.draw(*key) for key in keys), strict=True)
        stacked = torch.stack([image.permute(1, 2, 0) for image in images])
        return Batch(stacked.permute(0, 3, 1, 2), torch.stack(labels), ids)


def batches(
    data: TrainingSet, batch: int, start: int, workers: int, part: slice = ALL, pinned: bool = False
) -> Iterator[Batch]:
    """The batches of steps `start`, `start + 1`, ... without end, `workers` threads working ahead (0: none do).

    `part` are the places of each batch that are wanted, where several processes share it. Those that are `pinned` lie
    in memory out of which CUDA copies by itself, while the network computes.
    """

    def made(step: int) -> Batch:
        found = data.batch(step, batch, part)
        return Batch(found.images.pin_memory(), found.labels.pin_memory(), found.ids) if pinned else found

    if workers == 0:
        step = start
        while True:
            yield made(step)
            step += 1
    with ThreadPoolExecutor(workers, thread_name_prefix="segue-loader") as pool:
        waiting: deque[Future[Batch]] = deque()
        step = start
        try:
            while True:
                while len(waiting) < workers + 1:
                    waiting.append(pool.submit(made, step))
                    step += 1
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
