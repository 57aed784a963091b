"""The parts of a report that have to be computed: examples with their predictions, and the summary of the data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64

from segue.data.classes import Classes
from segue.data.index import SPLITS, Sample
from segue.data.loader import read_sample
from segue.infer.evaluate import Evaluation
from segue.infer.out_of_fold import Judge
from segue.report.inputs import Example, SplitSummary


def worst_and_random(
    segmenter: Judge,
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
        pixels, truth = read_sample(by_id[name], classes or segmenter.classes, segmenter.info.prep)
        network = segmenter.of(name)
        return Example(name, pixels, truth, network.segment(network.prepare(pixels)).mask, mious[name])

    return tuple(map(example, low)), tuple(map(example, drawn))


def summarise_splits(
    samples: Sequence[Sample], pixels: Int64[np.ndarray, "samples classes"]
) -> tuple[SplitSummary, ...]:
    """Count images, groups and pixels of every split; `pixels` are those of each class in each sample."""
    parts = np.array([sample.split for sample in samples])
    names = [name for name in (*SPLITS, "") if name in parts]
    return tuple(_split(name, [s for s in samples if s.split == name], pixels[parts == name]) for name in names)


def _split(name: str, samples: list[Sample], pixels: Int64[np.ndarray, "samples classes"]) -> SplitSummary:
    groups = len({sample.group or sample.id for sample in samples})
    return SplitSummary(name or "all", len(samples), groups, pixels.sum(axis=0))
