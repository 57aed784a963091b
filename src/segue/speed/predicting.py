"""Predicting one image after the other: decoding it, the network, writing what `segue predict` writes."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Sequence
from pathlib import Path

import segue
from segue.data.image import read_with_missing
from segue.data.index import Sample
from segue.data.loader import read_sample
from segue.infer.outputs import write_mask, write_overlay
from segue.infer.segmenter import Prediction, Segmenter
from segue.models.artifact import ModelInfo
from segue.models.build import build
from segue.speed.turns import Slice, in_parts
from segue.train.loop import Loop
from segue.train.start import SCRATCH


def untrained_segmenter(loop: Loop, device: str) -> Segmenter:
    """What a run would predict with when it is done, but for its weights, which are random."""
    spec = loop.engine.model.spec
    info = ModelInfo(spec, loop.validator.classes, loop.validator.prep, SCRATCH, segue.__version__, {})
    return Segmenter(build(spec), info, device)


def predicting(segmenter: Segmenter, samples: Sequence[Sample], folder: Path, trained: bool) -> Slice:
    """The parts of a prediction, one after the other; files are written to `folder`, over those of the image before.

    What random weights predict looks like nothing that is ever written, so without `trained` ones the label is.
    """
    turn = itertools.cycle(samples)

    def one() -> dict[str, float]:
        sample = next(turn)
        times = [time.perf_counter()]
        prepared = segmenter.prepare(*read_with_missing(sample.image, ranges=segmenter.info.prep.ranges))
        times.append(time.perf_counter())
        prediction = segmenter.segment(prepared)
        times.append(time.perf_counter())
        shown = prediction if trained else _labelled(prediction, sample, segmenter)
        writing = [time.perf_counter()]
        write_mask(folder / "mask.png", shown.mask, shown.classes)
        writing.append(time.perf_counter())
        write_overlay(folder / "overlay.jpg", prepared.pixels, shown)
        writing.append(time.perf_counter())
        spans = [after - before for before, after in (*itertools.pairwise(times), *itertools.pairwise(writing))]
        return dict(zip(("decode", "network", "mask", "overlay"), spans, strict=True))

    return lambda seconds: in_parts(one, seconds)


def _labelled(prediction: Prediction, sample: Sample, segmenter: Segmenter) -> Prediction:
    _, labels = read_sample(sample, segmenter.classes, segmenter.info.prep)
    return dataclasses.replace(prediction, mask=labels)
