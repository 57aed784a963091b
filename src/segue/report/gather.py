"""The parts of a report that have to be computed: examples with their predictions, and the summary of the data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64

from segue.data.classes import IGNORE, Classes
from segue.data.encoding import encode
from segue.data.image import read_mask
from segue.data.index import SPLITS, Problem, Sample
from segue.data.loader import read_sample
from segue.infer.ahead import ahead
from segue.infer.evaluate import Evaluation
from segue.infer.segmenter import Segmenter
from segue.report.inputs import DataSummary, Example, SplitSummary

MOST_COUNTED = 500  # masks read to learn how many pixels each class has


def worst_and_random(
    segmenter: Segmenter,
    samples: Sequence[Sample],
    evaluation: Evaluation,
    *,
    classes: Classes | None = None,
    worst: int = 8,
    random: int = 6,
    seed: int = 0,
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """The `worst` evaluated images, worst first, and `random` others, predicted once more to be shown.

    `samples` are those that were evaluated; `classes` as for `evaluate`.
    """
    by_id = {sample.id: sample for sample in samples}
    mious = dict(zip(evaluation.ids, evaluation.image_mious(), strict=True))
    low = evaluation.worst(worst)
    others = [name for name in evaluation.ids if name not in low]
    generator = np.random.Generator(np.random.Philox(key=seed))
    drawn = [others[i] for i in sorted(generator.permutation(len(others))[:random])]

    def example(name: str) -> Example:
        pixels, truth = read_sample(by_id[name], classes or segmenter.classes, segmenter.info.prep.channels)
        return Example(name, pixels, truth, segmenter.segment(segmenter.prepare(pixels)).mask, mious[name])

    return tuple(map(example, low)), tuple(map(example, drawn))


def summarise_data(
    root: str,
    format: str,
    samples: Sequence[Sample],
    classes: Classes,
    channels: int,
    findings: tuple[Problem, ...] = (),
) -> DataSummary:
    """Count images, groups and pixels of every split; pixels on at most `MOST_COUNTED` masks of each, evenly spread."""
    names = [name for name in (*SPLITS, "") if any(sample.split == name for sample in samples)]
    splits = tuple(_split(name, [s for s in samples if s.split == name], classes) for name in names)
    return DataSummary(root, format, channels, splits, findings)


def _split(name: str, samples: list[Sample], classes: Classes) -> SplitSummary:
    masks = [sample for sample in samples if sample.mask is not None]
    step = max(1, -(-len(masks) // MOST_COUNTED))
    counted = masks[::step]

    def count(sample: Sample) -> Int64[np.ndarray, " classes"]:
        assert sample.mask is not None  # chosen above
        labels = encode(read_mask(sample.mask), classes, sample.mask)
        return np.bincount(labels[labels != IGNORE], minlength=len(classes))

    pixels = np.zeros(len(classes), np.int64)
    for _, counting in ahead(count, counted):
        pixels += counting.result()
    groups = len({sample.group or sample.id for sample in samples})
    return SplitSummary(name or "all", len(samples), groups, pixels, len(counted))
