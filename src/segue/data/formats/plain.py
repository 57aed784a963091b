"""An index whose masks are plain: PNG files of class ids, 255 where nothing is labelled. Any layout can be made so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from segue.data.classes import IGNORE, Classes
from segue.data.formats.labels import class_ids, save_ids
from segue.data.image import is_raster
from segue.data.index import Index, Sample
from segue.data.inferring import infer_classes
from segue.data.merging import merge_classes
from segue.data.parallel import Update, for_each, silent

NAME = "plain"  # the format of such an index, which no folder has


@dataclass(frozen=True)
class Plain:
    """The index, its classes, how many pixels are not labelled, and how many masks were rasters with a place."""

    index: Index
    classes: Classes
    unlabelled: int
    rasters: int


def choose_classes(
    index: Index, names: Sequence[str], ignore: Sequence[int], merge: Mapping[str, Sequence[str]]
) -> Classes:
    """The classes of a data set as the caller wants them; raises `DataError` or `UsageError` as finding them does."""
    found = infer_classes(index.samples, names, (*ignore, *index.ignore), index.names, index.colours)
    return merge_classes(found, merge)


def make_plain(index: Index, classes: Classes, folder: Path, update: Update = silent) -> Plain:
    """Write the masks of `index` to `folder` as class ids, under their samples' names.

    Raises:
        DataError: a mask cannot be read, or holds a value that is neither a class nor ignored.
    """

    def put(sample: Sample) -> tuple[Sample, int, bool]:
        if sample.mask is None:
            return sample, 0, False
        ids = class_ids(sample, classes)
        path = folder / f"{sample.id}.png"
        save_ids(path, ids, classes.palette)
        return replace(sample, mask=path), int(np.count_nonzero(ids == IGNORE)), is_raster(sample.mask)

    done = for_each(put, index.samples, update)
    samples = tuple(sample for sample, _, _ in done)
    plain = Index(index.root, NAME, samples, index.problems, classes.names, (), classes.palette)
    return Plain(plain, classes, sum(count for _, count, _ in done), sum(placed for _, _, placed in done))
