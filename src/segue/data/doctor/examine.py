"""The examination: every folder, every file, every pair, then the whole set."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from segue.data.classes import Classes
from segue.data.doctor.classes import check_classes
from segue.data.doctor.codes import SEVERITIES, problem
from segue.data.doctor.diagnosis import Diagnosis, Looked, printable
from segue.data.doctor.files import check_file
from segue.data.doctor.images import ImageFacts, check_channels, check_image
from segue.data.doctor.leakage import NearPair, check_leakage, find_near_pairs, same_pixels
from segue.data.doctor.masks import MaskFacts, by_colours, check_mask
from segue.data.doctor.pairs import check_pair
from segue.data.doctor.tree import check_tree
from segue.data.doctor.values import Coding, check_values, find_coding
from segue.data.image import MAX_PIXELS
from segue.data.index import Index, Problem, Sample
from segue.data.inferring import infer_classes
from segue.data.merging import merge_classes
from segue.data.parallel import Update, in_order
from segue.errors import DataError

Assign = Callable[[Index, dict[str, frozenset[int]], Sequence[tuple[str, str]]], Index]


def examine(
    index: Index,
    *,
    roots: Sequence[Path] = (),
    names: Sequence[str] = (),
    ignore: Sequence[int] = (),
    merge: Mapping[str, Sequence[str]] | None = None,
    max_pixels: int = MAX_PIXELS,
    assign: Assign | None = None,
    update: Update | None = None,
) -> Diagnosis:
    """Decode every file of a data set once and report all that is wrong with it, the worst first.

    Args:
        index: the data set, as `open_index` understood it.
        roots: folders to walk for links, pipes and odd names; those that hold the samples when not given.
        names: class names, in the order of the mask values, when the caller knows them.
        ignore: raw mask values that stand for "not labelled", besides 255 and the layout's own.
        merge: classes that become one, by its name (`merge_classes`).
        max_pixels: larger pictures are reported and not decoded.
        assign: gives samples their split, from the index, the mask values each sample holds, and the pairs of samples
            that show the same, by id; called once, before the checks that compare splits. Without it the splits of the
            layout count.
        update: called in this thread with the share done and a line on the findings so far, once before the first file
            is decoded and then after each sample.

    Of samples drawn from many (`Index.drawn`) the folders are not walked, and near duplicates, of which they hold
    hardly a pair, are not looked for.
    """
    start = time.perf_counter()
    files, problems = (0, []) if index.drawn else check_tree(roots or _folders(index.samples))
    problems += index.problems
    looked = []
    _report(update, 0, len(index.samples), problems)
    for one in in_order(partial(look, max_pixels=max_pixels), index.samples):
        looked.append(one)
        problems += one.problems
        _report(update, len(looked), len(index.samples), problems)
    images = {one.sample.id: one.image for one in looked if one.image is not None}
    compared = () if index.drawn else index.samples
    near = find_near_pairs(compared, images, lambda _share, text: update(1.0, text) if update else None)
    _report(update, len(looked), len(index.samples), problems)
    if assign is not None:
        before = index.problems
        presence = {one.sample.id: frozenset(one.mask.values.tolist()) for one in looked if one.mask}
        index = assign(index, presence, [*same_pixels(index.samples, images), *((p.whole, p.part) for p in near)])
        looked = _with_splits(looked, index)
        problems += [found for found in index.problems if found not in before]
    wanted = Wanted(names, ignore, merge or {})
    found, classes, coding = _check_set(index, looked, near, problems, wanted)
    return Diagnosis(
        root=index.root,
        format=index.format,
        problems=_ordered([*problems, *found]),
        files=files,
        images=len(index.samples),
        labelled=sum(sample.mask is not None for sample in index.samples),
        classes=classes,
        coding=coding,
        seconds=time.perf_counter() - start,
        samples=tuple(index.samples),
        looked=tuple(looked),
    )


def _with_splits(looked: Sequence[Looked], index: Index) -> list[Looked]:
    samples = {sample.id: sample for sample in index.samples}
    return [dataclasses.replace(one, sample=samples[one.sample.id]) for one in looked]


def look(sample: Sample, max_pixels: int = MAX_PIXELS) -> Looked:
    """Check one sample: its image, its mask and how they fit together."""
    image: ImageFacts | None = None
    mask: MaskFacts | None = None
    header, problems = check_file(sample.image, max_pixels)
    if header is not None:
        image, found = check_image(sample.image, header, max_pixels)
        problems += found
    if sample.mask is not None:
        header, found = check_file(sample.mask, max_pixels)
        problems += found
        if header is not None:
            mask, found = check_mask(sample.mask, header, max_pixels)
            problems += found
    if image is not None and mask is not None:
        problems += check_pair(image, mask)
    return Looked(sample, image, mask, tuple(problems))


def _folders(samples: Sequence[Sample]) -> list[Path]:
    """The folders that hold the files, without those inside another of them."""
    found = {path.parent for sample in samples for path in (sample.image, sample.mask) if path is not None}
    return sorted(folder for folder in found if not found.intersection(folder.parents))


def _report(update: Update | None, done: int, total: int, problems: Sequence[Problem]) -> None:
    if update is not None:
        latest = next((found for found in reversed(problems) if found.severity == "error"), None)
        text = f"{done} of {total} images, {len(problems)} findings"
        update(
            done / max(1, total), f"{text}, {latest.code} in {printable(Path(latest.path.name))}" if latest else text
        )


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What the caller wants of the classes: their names, the values to ignore, which to merge."""

    names: Sequence[str]
    ignore: Sequence[int]
    merge: Mapping[str, Sequence[str]]


def _check_set(
    index: Index, looked: Sequence[Looked], near: Sequence[NearPair], problems: Sequence[Problem], wanted: Wanted
) -> tuple[list[Problem], Classes | None, Coding | None]:
    images = {one.sample.id: one.image for one in looked if one.image is not None}
    masks = by_colours({one.sample.id: one.mask for one in looked if one.mask is not None}, index.colours)
    uneven = check_channels({one.sample.image: one.image for one in looked if one.image and one.sample.mask})
    leaks = [*uneven, *check_leakage(index.samples, images, near)]
    if not images.keys() & masks.keys():
        nothing = problem("SET_EMPTY", index.root, f"expected pairs, got none among {len(looked)} images")
        return [nothing, *leaks], None, None
    coding = find_coding(list(masks.values()), len(index.names), (*wanted.ignore, *index.ignore))
    odd = check_values(list(masks.values()), coding)
    bad = {found.path for found in (*problems, *odd) if found.severity == "error"}
    sound = [one.sample for one in looked if one.mask and bad.isdisjoint((one.sample.mask, one.sample.image))]
    classes, unclear = _classes(index, sound, wanted)
    absent = check_classes(index, masks, classes) if classes is not None else []
    return [*odd, *unclear, *absent, *leaks], classes, coding


def _classes(index: Index, sound: Sequence[Sample], wanted: Wanted) -> tuple[Classes | None, list[Problem]]:
    if not sound:
        return None, []  # each pair has an error of its own
    try:
        ignore = (*wanted.ignore, *index.ignore)
        found = infer_classes(sound, wanted.names, ignore, index.names, index.colours)
    except DataError as error:
        return None, [problem("CLASS_UNCLEAR", index.root, str(error).splitlines()[0])]
    return merge_classes(found, wanted.merge), []


def _ordered(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """The worst first, then by code and path; a link that the layout's reader and the walk both report is kept once."""
    once: dict[tuple[str, Path, str], Problem] = {}
    for found in problems:
        link = found.code.startswith("TREE_LINK")
        once.setdefault(("TREE_LINK", found.path, "") if link else (found.code, found.path, found.message), found)
    return tuple(sorted(once.values(), key=lambda p: (SEVERITIES.index(p.severity), p.code, os.fsencode(p.path))))
