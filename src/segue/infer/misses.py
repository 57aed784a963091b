"""How much of a class each image would miss at every threshold: what a review threshold is computed from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, UInt8
from torch import Tensor

from segue.data.classes import IGNORE, Classes
from segue.data.index import Sample
from segue.data.loader import read_sample
from segue.infer.ahead import ahead
from segue.infer.maps import Wanted, maps_of
from segue.infer.segmenter import Prepared, Segmenter
from segue.trust.conformal import STEPS, missed_share, steps_reached


@dataclass(frozen=True)
class Misses:
    """Of one class: a row for each image that has it, with the share of its pixels below each threshold.

    `groups` are those of the rows ("" is a group of its own), `skipped` how many images have none of the class, and
    `marked` the share of all labelled pixels, of those images too, that reach each threshold.
    """

    losses: Float64[np.ndarray, "images steps"]
    groups: tuple[str, ...]
    skipped: int
    marked: Float64[np.ndarray, " steps"]


def collect_misses(
    segmenter: Segmenter,
    samples: Sequence[Sample],
    classes: Classes,
    chosen: Sequence[int],
    progress: Callable[[float, str], None] | None = None,
) -> list[Misses]:
    """Predict every sample once and give the misses of each `chosen` class.

    Args:
        segmenter: the model; its calibrated probabilities are looked at.
        samples: labelled images.
        classes: the mask values of the model's classes in these samples.
        chosen: ids of classes.
        progress: called after every image with the share done and the image's id.

    Raises:
        DataError: an image or a mask cannot be read.
    """

    def load(sample: Sample) -> tuple[Prepared, UInt8[np.ndarray, "height width"]]:
        pixels, truth = read_sample(sample, classes, segmenter.info.prep)
        return segmenter.prepare(pixels), truth

    own: list[list[Int64[np.ndarray, " steps"]]] = [[] for _ in chosen]
    groups: list[list[str]] = [[] for _ in chosen]
    every = np.zeros((len(chosen), STEPS + 1), np.int64)
    for i, (sample, loading) in enumerate(ahead(load, samples)):
        prepared, truth = loading.result()
        counter = _Counter(truth, chosen, segmenter.temperature)
        segmenter.segment(prepared, watch=counter.take)
        every += counter.every
        for place, counts in enumerate(counter.own):
            if counts.any():
                own[place].append(counts)
                groups[place].append(sample.group)
        if progress is not None:
            progress((i + 1) / len(samples), sample.id)
    return [_misses(own[place], groups[place], len(samples), every[place]) for place in range(len(chosen))]


class _Counter:
    """Counts one image's pixels by the step their probability reaches, a band of rows at a time.

    `own` are the pixels that are of each chosen class, `every` all labelled ones.
    """

    def __init__(self, truth: UInt8[np.ndarray, "height width"], chosen: Sequence[int], temperature: float) -> None:
        self.own = np.zeros((len(chosen), STEPS + 1), np.int64)
        self.every = np.zeros_like(self.own)
        self._truth, self._chosen, self._temperature = truth, chosen, temperature

    def take(self, top: int, logits: Tensor) -> None:
        truth = self._truth[top : top + logits.shape[1]]
        shares = maps_of(logits, Wanted(probabilities=True), self._temperature)["probabilities"]
        for place, number in enumerate(self._chosen):
            reached = steps_reached(shares[number])
            self.every[place] += np.bincount(reached[truth != IGNORE], minlength=STEPS + 1)
            self.own[place] += np.bincount(reached[truth == number], minlength=STEPS + 1)


def _misses(
    own: list[Int64[np.ndarray, " steps"]], groups: list[str], images: int, every: Int64[np.ndarray, " steps"]
) -> Misses:
    losses = missed_share(np.stack(own)) if own else np.zeros((0, STEPS + 1))
    return Misses(losses, tuple(groups), images - len(own), 1 - missed_share(every))
