"""Training batches, decoded and augmented by threads ahead of the step that needs them.

Threads rather than processes: decoding and resizing leave the interpreter lock, the decoded images are cached once for
all workers, nothing has to fit in shared memory, and no orphan survives a killed run. What a batch holds depends on
(seed, step) alone, never on the number of workers, nor on which of them happened to decode a sample first.
"""

from __future__ import annotations

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
from segue.data.augment.view import Labels, Pixels
from segue.data.classes import IGNORE, Classes
from segue.data.encoding import encode
from segue.data.geometry import Preprocessing, fitting_scale, resize_image, resize_labels
from segue.data.image import read_mask, read_with_missing, to_channels
from segue.data.index import Sample
from segue.data.keyed import batch_keys, sample_generator
from segue.data.normalise import normalise
from segue.data.scale import filled
from segue.errors import DataError


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
    image = filled(to_channels(image, prep.channels), missing, prep.mean)
    labels = encode(read_mask(sample.mask), classes, sample.mask)
    if image.shape[:2] != labels.shape:
        raise DataError(
            f"{sample.mask}: expected a mask of {image.shape[1]}x{image.shape[0]} pixels like its image, "
            f"got {labels.shape[1]}x{labels.shape[0]}: segue doctor names every such pair"
        )
    return image, labels if missing is None else np.where(missing, np.uint8(IGNORE), labels)


class TrainingSet:
    """Labelled samples, read when needed, kept in memory as far as `cache_bytes` goes, and augmented by key.

    `pixels` are the samples' pixels of each class: they tell which classes are rare, and who has them. Threads may ask
    for any sample at any time.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        classes: Classes,
        pixels: Int64[np.ndarray, "samples classes"],
        prep: Preprocessing,
        augment_config: AugmentConfig,
        seed: int,
        cache_bytes: int = 2 * 2**30,
    ) -> None:
        self.samples = tuple(samples)
        self._classes = classes
        self._prep = prep
        self._augment = augment_config
        self._seed = seed
        self._room = cache_bytes
        self._cache: dict[int, tuple[Pixels, Labels]] = {}
        self._lock = threading.Lock()
        self._pool = Pool(self.load, len(self.samples), RareClasses(pixels).draw)

    def __len__(self) -> int:
        return len(self.samples)

    def load(self, index: int) -> tuple[Pixels, Labels]:
        """The decoded sample, no larger than the largest size augmentation can ask for."""
        kept = self._cache.get(index)
        if kept is not None:
            return kept
        image, labels = self._shrink(*read_sample(self.samples[index], self._classes, self._prep))
        weight = image.nbytes + labels.nbytes
        with self._lock:  # two threads may have decoded the same sample; it is counted once
            if index not in self._cache and weight <= self._room:
                self._room -= weight
                self._cache[index] = (image, labels)
        return image, labels

    def _shrink(self, image: Pixels, labels: Labels) -> tuple[Pixels, Labels]:
        factor = fitting_scale(labels.shape[0], labels.shape[1], self._prep.size) / self._augment.scale[0]
        if factor > 0.8:  # resampling twice costs a little sharpness; it must be worth it
            return image, labels
        size = (max(1, round(labels.shape[0] * factor)), max(1, round(labels.shape[1] * factor)))
        return resize_image(image, size), resize_labels(labels, size)

    def draw(
        self, epoch: int, index: int
    ) -> tuple[Float[Tensor, "channels height width"], UInt8[Tensor, "height width"], str]:
        """Sample `index` as pass `epoch` sees it, and its id: the same every time it is asked for.

        A share `augment.rare_crops` of all draws gives a crop of another sample, one that holds a rare class.
        """
        generator = sample_generator(self._seed, epoch, index)
        focus = None
        if happens(self._augment.rare_crops, generator):
            focus, index = self._pool.rare(generator)
        crop, labels, inside = augment(*self.load(index), self._prep.size, self._augment, generator, self._pool, focus)
        image = normalise(crop, self._prep)
        if not inside.all():
            image *= torch.from_numpy(np.ascontiguousarray(inside))  # padding is the mean colour, 0 after normalising
        return image, torch.from_numpy(labels.copy()), self.samples[index].id  # a decoded array may be read-only

    def batch(self, step: int, batch: int) -> Batch:
        """All samples of one training step."""
        keys = batch_keys(self._seed, step, batch, len(self))
        images, labels, ids = zip(*(self.draw(*key) for key in keys), strict=True)
        return Batch(torch.stack(images), torch.stack(labels), ids)


def batches(data: TrainingSet, batch: int, start: int, workers: int) -> Iterator[Batch]:
    """The batches of steps `start`, `start + 1`, ... without end, `workers` threads working ahead (0: none do)."""
    if workers == 0:
        step = start
        while True:
            yield data.batch(step, batch)
            step += 1
    with ThreadPoolExecutor(workers, thread_name_prefix="segue-loader") as pool:
        waiting: deque[Future[Batch]] = deque()
        step = start
        try:
            while True:
                while len(waiting) < workers + 1:
                    waiting.append(pool.submit(data.batch, step, batch))
                    step += 1
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
