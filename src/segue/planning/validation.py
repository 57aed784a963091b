"""How a model will be judged: the share held out, and folds where that share is too small to judge by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from segue.configs import DataConfig
from segue.data.index import Index, Sample
from segue.data.split import save_split
from segue.planning.decision import Decision

ENOUGH = 30  # validation images below which one image more or less moves the score
LARGE = 150  # labelled images from which a fifth is enough
FIFTH = 0.2
FOLDS = 5


def val_fraction(index: Index) -> Decision:
    """The share of the groups to hold out, known before any file is read."""
    labelled = [sample for sample in index.samples if sample.mask is not None and sample.split != "test"]
    inputs = {"labelled_images": len(labelled)}
    if has_validation(index):
        return Decision(DataConfig().val_fraction, "not used: the data has a validation part of its own", inputs)
    if len(labelled) >= LARGE:
        rule = f"whole groups, a fifth: that is {ENOUGH} images or more from {LARGE} on, and training gets the rest"
        return Decision(FIFTH, rule, inputs)
    rule = f"whole groups, 30 %: of fewer than {LARGE} images a fifth would be too few to judge by"
    return Decision(DataConfig().val_fraction, rule, inputs)


def has_validation(index: Index) -> bool:
    """Whether the layout has a labelled validation part of its own."""
    return any(sample.split == "val" and sample.mask is not None for sample in index.samples)


def needs_folds(val_images: int, groups: int, *, val_given: bool) -> bool:
    """Whether a cross-validation would say more than the one part held out."""
    return val_images < ENOUGH and groups >= FOLDS and not val_given


def grouped_folds(samples: Sequence[Sample], seed: int) -> list[tuple[Sample, ...]]:
    """The samples with a split, five times: every image is in "val" once, and no group is on both sides.

    Larger groups are dealt first, each to the fold that has the fewest images; the seed decides among equals.
    """
    members: dict[str, int] = defaultdict(int)
    for sample in samples:
        members[sample.group or sample.id] += 1
    names = sorted(members)
    generator = np.random.Generator(np.random.Philox(key=[seed, (1 << 61) | 3]))
    shuffled = [names[place] for place in generator.permutation(len(names))]
    sizes, fold_of = [0] * FOLDS, dict[str, int]()
    for name in sorted(shuffled, key=lambda name: -members[name]):
        fold = sizes.index(min(sizes))
        fold_of[name] = fold
        sizes[fold] += members[name]
    return [
        tuple(replace(s, split="val" if fold_of[s.group or s.id] == fold else "train") for s in samples)
        for fold in range(FOLDS)
    ]


def write_folds(folder: Path, samples: Sequence[Sample], seed: int) -> list[Path]:
    """Write each fold as a file that `segue fit --data.split` takes."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"fold-{number}.json" for number in range(1, FOLDS + 1)]
    for path, fold in zip(paths, grouped_folds(samples, seed), strict=True):
        save_split(fold, path)
    return paths


def folds_advice(paths: Sequence[Path], val_images: int) -> Decision:
    """What to do with the folds."""
    rule = (
        f"the part held out has {val_images} images, fewer than {ENOUGH}: train once with each of these as "
        "--data.split and take the mean of the five scores"
    )
    return Decision([str(path.resolve()) for path in paths], rule, {"val_images": val_images, "enough": ENOUGH})
