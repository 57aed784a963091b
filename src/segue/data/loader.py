"""Training batches, decoded and augmented by threads ahead of the step that needs them.

Threads rather than processes: decoding and resizing leave the interpreter lock, the decoded images are cached once for
all workers, nothing has to fit in shared memory, and no orphan survives a killed run. What a batch holds depends on
(seed, step) alone, never on the number of workers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from torch import Tensor

from segue.configs import AugmentConfig
from segue.data.augment import augment
from segue.data.classes import Classes
from segue.data.encoding import encode
from segue.data.geometry import Preprocessing, fitting_scale, resize_image, resize_labels
from segue.data.image import read_image, read_mask, to_channels
from segue.data.index import Sample
from segue.data.keyed import batch_keys, sample_generator
from segue.data.normalise import normalise
from segue.errors import DataError

Pixels = NDArray[np.generic]
Labels = NDArray[np.uint8]


@dataclass(frozen=True)
class Batch:
    """Images, class ids (255 is ignored) and the sample ids they come from."""

    images: Float[Tensor, "batch channels height width"]
    labels: UInt8[Tensor, "batch height width"]
    ids: tuple[str, ...]


def read_sample(sample: Sample, classes: Classes, channels: int) -> tuple[Pixels, Labels]:
    """Decode one labelled sample: pixels (H, W, C) on the 0-255 scale and class ids (H, W)."""
    if sample.mask is None:
        raise DataError(f"{sample.image}: expected a mask for it, got none: remove the image or label it")
    image = to_channels(read_image(sample.image), channels)
    labels = encode(read_mask(sample.mask), classes, sample.mask)
    if image.shape[:2] != labels.shape:
        raise DataError(
            f"{sample.mask}: expected a mask of {image.shape[1]}x{image.shape[0]} pixels like its image, "
            f"got {labels.shape[1]}x{labels.shape[0]}: segue doctor names every such pair"
        )
    return image, labels


class TrainingSet:
    """Labelled samples, read once, kept in memory as far as `cache_bytes` goes, and augmented by key."""

    def __init__(
        self,
        samples: Sequence[Sample],
        classes: Classes,
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

    def __len__(self) -> int:
        return len(self.samples)

    def load(self, index: int) -> tuple[Pixels, Labels]:
        """The decoded sample, no larger than the largest size augmentation can ask for."""
        if index in self._cache:
            return self._cache[index]
        image, labels = self._shrink(*read_sample(self.samples[index], self._classes, self._prep.channels))
        weight = image.nbytes + labels.nbytes
        if weight <= self._room:
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
    ) -> tuple[Float[Tensor, "channels height width"], UInt8[Tensor, "height width"]]:
        """Sample `index` as pass `epoch` sees it: the same tensors every time it is asked for."""
        generator = sample_generator(self._seed, epoch, index)
        crop, labels, inside = augment(*self.load(index), self._prep.size, self._augment, generator)
        image = normalise(crop, self._prep)
        if not inside.all():
            image *= torch.from_numpy(np.ascontiguousarray(inside))  # padding is the mean colour, 0 after normalising
        return image, torch.from_numpy(labels.copy())  # a decoded array may be read-only

    def batch(self, step: int, batch: int) -> Batch:
        """All samples of one training step."""
        keys = batch_keys(self._seed, step, batch, len(self))
        images, labels = zip(*(self.draw(*key) for key in keys), strict=True)
        return Batch(torch.stack(images), torch.stack(labels), tuple(self.samples[index].id for _, index in keys))


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
