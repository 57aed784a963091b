"""Splitting a data set into a training and a validation part, by group, and keeping the split."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segue.data.index import SPLITS, Index, Problem, Sample
from segue.durable import write_text
from segue.errors import DataError

_TRIES = 64  # orders of the groups that are tried when one does not give the wished size or lacks a class

Numbers = NDArray[np.int64]
Presence = Mapping[str, frozenset[int]]


def split(index: Index, val_fraction: float, seed: int, presence: Presence | None = None) -> Index:
    """Give every labelled sample a split where the layout gives none: whole groups go to "train" or to "val".

    A layout with a labelled validation part is kept. One with a training part alone has that part split; its test part
    stays. Samples without a mask belong to neither part: their split becomes "", unless it is "test". The same samples,
    fraction and seed give the same split on every machine.

    With a single group (one video) the first or the last frames are held out as one block, and the problem
    `VIDEO_ONE_GROUP` warns that neighbouring frames make the score too good.

    Args:
        index: the data set.
        val_fraction: share of the images wished for in "val"; met as nearly as whole groups allow, no part is empty.
        seed: chooses the groups.
        presence: class ids in each sample's mask, by sample id; when given, a split in which both parts hold every
            class is preferred.

    Raises:
        DataError: there are fewer than two labelled samples to split.
    """
    samples = [replace(s, split="") if s.mask is None and s.split != "test" else s for s in index.samples]
    labelled = [sample for sample in samples if sample.mask is not None]
    if any(sample.split == "val" for sample in labelled):
        return replace(index, samples=tuple(samples))
    source = "train" if any(sample.split == "train" for sample in labelled) else ""
    pool = sorted((sample for sample in labelled if sample.split == source), key=lambda sample: sample.id)
    if len(pool) < 2:
        raise DataError(
            f"{index.root}: expected 2 or more labelled images, one of them for validation, got {len(pool)}; label more"
        )
    generator = np.random.Philox(key=seed)
    members = _by_group(pool)
    problems = index.problems
    if len(members) > 1:
        groups = list(members.values())
        sizes = np.array([len(group) for group in groups])
        picked = _choose(sizes, [_classes(group, presence) for group in groups], val_fraction, generator)
        held = {sample.id for number in picked.tolist() for sample in groups[number]}
    else:
        held = {pool[place].id for place in np.flatnonzero(_block(len(pool), val_fraction, generator)).tolist()}
        problems = (*problems, _one_group(index, pool[0].group))
    chosen = {sample.id: "val" if sample.id in held else "train" for sample in pool}
    return replace(
        index, samples=tuple(replace(s, split=chosen.get(s.id, s.split)) for s in samples), problems=problems
    )


def _by_group(pool: Sequence[Sample]) -> dict[str, list[Sample]]:
    members: dict[str, list[Sample]] = {}
    for sample in pool:
        members.setdefault(sample.group or sample.id, []).append(sample)
    return dict(sorted(members.items()))


def held_out(groups: Numbers, val_fraction: float, seed: int) -> NDArray[np.bool_]:
    """Which of many samples to hold out, by the number of each one's group alone: whole groups, as `split` does it.

    Of a single group the first or last samples.
    """
    generator = np.random.Philox(key=seed)
    numbers, members = np.unique(groups, return_inverse=True)
    if len(numbers) == 1:
        return _block(len(groups), val_fraction, generator)
    picked = _choose(np.bincount(members), [], val_fraction, generator)
    return np.isin(members, picked)


def _choose(
    sizes: Numbers, classes: Sequence[frozenset[int]], val_fraction: float, generator: np.random.Philox
) -> Numbers:
    """The groups to hold out: of several random orders, the one that lacks fewest classes, then is nearest in size."""
    total = int(sizes.sum())
    wished = float(min(max(val_fraction * total, 1), total - 1))
    best: tuple[float, float] = (np.inf, np.inf)
    chosen = np.array([], np.int64)
    for _ in range(_TRIES):
        # Raw bits, because numpy promises them for good, unlike its shuffles.
        order = np.argsort(generator.random_raw(len(sizes)), kind="stable")
        picked = _fill(order, sizes, wished)
        score = float(_lacking(picked, classes)) if classes else 0.0, abs(float(sizes[picked].sum()) - wished)
        if score < best:
            best, chosen = score, picked
        if best[0] == 0 and best[1] <= 0.5:
            break
    return chosen


def _fill(order: Numbers, sizes: Numbers, wished: float) -> Numbers:
    """Take groups in this order while each brings the total nearer to the wish; at least one, and never all."""
    picked: list[int] = []
    total = 0
    images = sizes.tolist()
    for group in order.tolist():
        if abs(total - wished) <= 0.5:
            break  # no group brings it nearer
        if abs(total + images[group] - wished) < abs(total - wished):
            picked.append(group)
            total += images[group]
    picked = picked or [min(order.tolist(), key=lambda group: int(sizes[group]))]
    return np.array(picked[: len(sizes) - 1])


def _classes(samples: Sequence[Sample], presence: Presence | None) -> frozenset[int]:
    return frozenset().union(*((presence or {}).get(sample.id, frozenset()) for sample in samples))


def _lacking(picked: Numbers, classes: Sequence[frozenset[int]]) -> int:
    """How many classes are missing from one of the two parts."""
    inside = set(picked.tolist())
    val = frozenset[int]().union(*(classes[i] for i in inside))
    train = frozenset[int]().union(*(found for i, found in enumerate(classes) if i not in inside))
    return len(val ^ train)


def _block(images: int, val_fraction: float, generator: np.random.Philox) -> NDArray[np.bool_]:
    count = min(max(round(val_fraction * images), 1), images - 1)
    at_end = generator.random_raw() % 2 == 0
    places = np.arange(images)
    return places >= images - count if at_end else places < count


def _one_group(index: Index, group: str) -> Problem:
    message = f"expected several groups to split, got one ({group}): neighbouring frames are in train and in val"
    remedy = "add images from elsewhere; until then, take the score as too good"
    return Problem("VIDEO_ONE_GROUP", "warning", index.root, message, remedy)


def save_split(samples: Sequence[Sample], path: Path) -> None:
    """Write which sample is in which part, as JSON from id to split."""
    write_text(path, json.dumps({sample.id: sample.split for sample in samples}, indent=1, ensure_ascii=False) + "\n")


def load_split(index: Index, path: Path) -> Index:
    """Apply a split written by `save_split`.

    Raises:
        DataError: the file cannot be read, or names other samples than the data set's labelled ones.
    """
    try:
        splits = json.loads(path.read_text(encoding="utf-8"))
        sound = isinstance(splits, dict) and set(splits.values()) <= {*SPLITS, ""}
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path}: expected a split written by segue fit, cannot read it ({error})") from None
    if not sound:
        raise DataError(f"{path}: expected ids with train, val or test, got something else; write the split again")
    here = {sample.id for sample in index.samples}
    gone = sorted(splits.keys() - here)
    new = sorted(s.id for s in index.samples if s.mask is not None and s.id not in splits)
    if gone or new:
        which = f"{len(gone)} of its images are gone (such as {gone[0]})" if gone else ""
        added = f"{len(new)} images are not in it (such as {new[0]})" if new else ""
        raise DataError(
            f"{path}: expected a split of the data in {index.root}, but {' and '.join(filter(None, (which, added)))}; "
            "put the data back as it was, or split it anew"
        )
    return replace(index, samples=tuple(replace(s, split=splits.get(s.id, "")) for s in index.samples))
