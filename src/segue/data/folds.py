"""Folds for a cross-validation: every image is held out once, and whole groups (videos, patients) stay together."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from segue.data.bands import measure
from segue.data.image import image_size
from segue.data.index import Sample
from segue.data.prepare import Data
from segue.durable import write_text
from segue.errors import DataError, RunError

OF_PARTS = ("CLASS_ABSENT_TRAIN", "CLASS_ABSENT_VAL")


def grouped_folds(samples: Sequence[Sample], seed: int, count: int) -> dict[str, int]:
    """The fold, from 1 to `count`, in which each sample is held out, by id.

    Larger groups are dealt first, each to the fold that has the fewest images; the seed decides among equals.

    Raises:
        DataError: there are fewer groups than folds.
    """
    members: dict[str, int] = defaultdict(int)
    for sample in samples:
        members[sample.group or sample.id] += 1
    if len(members) < count:
        remedy = f"use --folds {len(members)}" if len(members) > 1 else "leave --folds out"
        raise DataError(
            f"expected {count} or more groups of images (videos, folders, patients) for --folds {count}, got "
            f"{len(members)}: {remedy}, or label images from elsewhere"
        )
    names = sorted(members)
    generator = np.random.Generator(np.random.Philox(key=[seed, (1 << 61) | 3]))
    shuffled = [names[place] for place in generator.permutation(len(names))]
    sizes, fold_of = [0] * count, dict[str, int]()
    for name in sorted(shuffled, key=lambda name: -members[name]):
        fold = sizes.index(min(sizes))
        fold_of[name] = fold + 1
        sizes[fold] += members[name]
    return {sample.id: fold_of[sample.group or sample.id] for sample in samples}


def undivided(data: Data) -> Data:
    """The data with nothing held out: all samples are for training, and sizes and bands are measured on all of them.

    So all folds prepare their images alike, as in nnU-Net, and their networks can be put together. No label goes into
    these numbers. What was found of the two parts alone is not so of the folds.
    """
    known = iter(data.sizes)
    sizes = tuple(next(known) if sample.split == "train" else image_size(sample.image) for sample in data.samples)
    return replace(
        data,
        samples=tuple(replace(sample, split="train") for sample in data.samples),
        sizes=sizes,
        findings=tuple(one for one in data.findings if one.code not in OF_PARTS),
        bands=measure([sample.image for sample in data.samples], data.channels),
    )


def with_fold(data: Data, fold_of: Mapping[str, int], fold: int) -> Data:
    """`undivided` data with one fold held out; raises `DataError` as `dealt` does for this fold."""
    _require_labels(data, fold_of, fold)
    parts = ["val" if fold_of[sample.id] == fold else "train" for sample in data.samples]
    return replace(
        data,
        samples=tuple(replace(sample, split=part) for sample, part in zip(data.samples, parts, strict=True)),
        sizes=tuple(size for size, part in zip(data.sizes, parts, strict=True) if part == "train"),
    )


def dealt(data: Data, seed: int, count: int) -> dict[str, int]:
    """The fold of each image, as of `grouped_folds`; no file is read for it.

    Raises:
        DataError: there are fewer groups than folds, or in a fold one of the two parts has no labelled pixel.
    """
    fold_of = grouped_folds(data.samples, seed, count)
    for fold in range(1, count + 1):
        _require_labels(data, fold_of, fold)
    return fold_of


def divided(data: Data, seed: int, count: int) -> tuple[Data, dict[str, int]]:
    """`undivided` data, and what `dealt` gives; raises as that does."""
    fold_of = dealt(data, seed, count)
    return undivided(data), fold_of


def _require_labels(data: Data, fold_of: Mapping[str, int], fold: int) -> None:
    held = np.array([fold_of[sample.id] == fold for sample in data.samples])
    for part, use in ((~held, "train on"), (held, "judge by")):
        if data.pixels[part].sum() == 0:
            raise DataError(
                f"{data.root}: expected labelled pixels to {use} in every fold, got none in fold {fold}: use fewer "
                "--folds, or label more images"
            )


def save_folds(path: Path, fold_of: Mapping[str, int]) -> None:
    """Write in which fold each image is held out, as JSON from id to fold."""
    write_text(path, json.dumps(dict(fold_of), indent=1, ensure_ascii=False) + "\n")


def load_folds(path: Path, samples: Sequence[Sample], count: int) -> dict[str, int]:
    """Read back what `save_folds` wrote; raises `RunError` when it is damaged or not that of these samples."""
    try:
        fold_of = json.loads(path.read_text(encoding="utf-8"))
        sound = set(fold_of) == {sample.id for sample in samples} and set(fold_of.values()) == set(range(1, count + 1))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise RunError(f"{path}: expected the folds of this run, cannot read them ({error}): start a new run") from None
    if not sound:
        raise RunError(f"{path}: expected each image of the run in one of {count} folds, got others: start a new run")
    return {str(name): int(fold) for name, fold in fold_of.items()}
