"""A quick score on the validation images while training: half precision, no interval; `segue evaluate` is the judge."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

from segue.data.classes import Classes
from segue.data.geometry import MOST_ZOOM, Preprocessing, resize_image, resize_labels, tile_side, working_size
from segue.data.index import Sample
from segue.data.loader import read_sample
from segue.data.normalise import normalise
from segue.infer.ahead import ahead
from segue.infer.maps import ids_of
from segue.infer.resample import resized_rows
from segue.infer.tiling import Tiling, blended_rows
from segue.metrics.confusion import Scores, confusion, scores
from segue.train.fabric import Fabric
from segue.train.processes import ALONE, Group
from segue.train.signals import StopRequest

MOST_PIXELS = 1_000_000  # larger masks are scored at this size while training
STRIDE = (
    32  # of almost every encoder: tiles that start elsewhere see the image through another grid (see `blended_rows`)
)


@dataclass(frozen=True)
class Validator:
    """Scores models on some validation images, at the masks' own size up to a megapixel."""

    samples: tuple[Sample, ...]
    classes: Classes
    prep: Preprocessing
    fabric: Fabric
    workers: int
    group: Group = ALONE

    def __call__(self, model: nn.Module, stop: StopRequest) -> Scores | None:
        """Score `model`, each process its share of the images; None when one was asked to stop before the end."""
        mine = dataclasses.replace(self, samples=self.samples[self.group.part])
        found = mine.matrices(model, stop)
        if self.group.most(found is None):
            return None
        none = np.zeros((len(self.classes),) * 2, np.int64)  # what a process without an image counts
        counted = torch.from_numpy(np.sum(found or [none], axis=0))
        return scores(self.group.add(counted).numpy())

    def matrices(self, model: nn.Module, stop: StopRequest) -> list[NDArray[np.int64]] | None:
        """The confusion matrix (classes, classes; rows truth) of every image; None when a stop was requested."""
        found = []
        model.eval()
        waiting = ahead(self._prepare, self.samples, max(1, self.workers))
        with closing(waiting), torch.inference_mode(), self.fabric.autocast():  # type: ignore[type-var]
            for _, loading in waiting:
                if stop:
                    return None
                image, labels = loading.result()
                found.append(confusion(labels, self._predict(model, image, labels.shape), len(self.classes)))
        return found

    def _prepare(self, sample: Sample) -> tuple[Tensor, NDArray[np.uint8]]:
        image, labels = read_sample(sample, self.classes, self.prep)
        height, width = labels.shape
        resized = resize_image(image, working_size(height, width, self.prep))
        if height * width > MOST_PIXELS:
            shrink = (MOST_PIXELS / (height * width)) ** 0.5
            labels = resize_labels(labels, (round(height * shrink), round(width * shrink)))
        return normalise(resized, self.prep), labels

    def _predict(self, model: nn.Module, image: Tensor, size: tuple[int, ...]) -> NDArray[np.uint8]:
        if self.prep.zoom > MOST_ZOOM:
            return self._predict_in_tiles(model, image, (size[0], size[1]))
        batch = image[None].to(self.fabric.device, memory_format=torch.channels_last)
        logits = model(batch).float()
        full = functional.interpolate(logits, size=size, mode="bilinear", align_corners=False)
        return ids_of(full[0])

    def _predict_in_tiles(self, model: nn.Module, image: Tensor, size: tuple[int, int]) -> NDArray[np.uint8]:
        """As `Segmenter` does where training showed small parts of large images, which no memory holds at once."""

        def forward(tiles: list[Any]) -> list[Tensor]:
            device = self.fabric.device
            ready = [tile.permute(2, 0, 1)[None].to(device, memory_format=torch.channels_last) for tile in tiles]
            return [model(tile)[0].float() for tile in ready]

        pixels = image.permute(1, 2, 0)
        bands = blended_rows(forward, pixels, tile_side(self.prep), Tiling(), STRIDE)
        rows = resized_rows(bands, (pixels.shape[0], pixels.shape[1]), size)
        return np.concatenate([ids_of(logits) for logits in rows])
