"""The networks of a cross-validation as one judge: each image is judged by the one that has not learned from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from segue.data.classes import Classes
from segue.infer.segmenter import Segmenter
from segue.models.artifact import ModelInfo


@dataclass(frozen=True)
class OutOfFold:
    """`segmenters` are those of the folds, in order; `fold_of` says in which (1, 2, ...) each image was held out."""

    segmenters: tuple[Segmenter, ...]
    fold_of: Mapping[str, int]

    @property
    def classes(self) -> Classes:
        """The classes all of them know."""
        return self.segmenters[0].classes

    @property
    def info(self) -> ModelInfo:
        """What the first one's `model.json` says; all prepare images alike."""
        return self.segmenters[0].info

    def of(self, sample_id: str) -> Segmenter:
        """The network that judges an image."""
        return self.segmenters[self.fold_of[sample_id] - 1]


Judge = Segmenter | OutOfFold
