"""A list of pairs that a file gives, a million of them without a million objects: rows become samples when asked for.

The text is kept as it is and each row's place in it beside what has to be known of all rows at once: whether there is
a mask, the part, and which rows share a group. That is 18 bytes a sample and its text.
"""

from __future__ import annotations

import csv
import hashlib
import operator
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import overload

import numpy as np
from jaxtyping import Bool, Int, Int64, UInt8

from segue.data.formats.layout import IMAGE_FOLDERS, SPLIT_OF, id_of
from segue.data.grouping import frame_stem
from segue.data.index import SPLITS, Sample

_LAYOUT_WORDS = {*IMAGE_FOLDERS, *SPLIT_OF}


@dataclass(frozen=True)
class Columns:
    """What is known of every sample of a data set at once.

    `parts` are places in `SPLITS` counted from 1, 0 for none; samples of one group have the same number in `groups`.
    """

    labelled: Bool[np.ndarray, " samples"]
    parts: UInt8[np.ndarray, " samples"]
    groups: Int64[np.ndarray, " samples"]

    def of(self, part: str) -> Int64[np.ndarray, " chosen"]:
        """The places of the labelled samples of one part, "" being none."""
        return np.flatnonzero(self.labelled & (self.parts == part_number(part)))


def part_number(part: str) -> int:
    """How `Columns.parts` writes a part."""
    return SPLITS.index(part) + 1 if part else 0


@dataclass(frozen=True)
class Row:
    """Where a row holds what: places of the image's, the mask's, the part's and the group's field, None without one."""

    image: int
    mask: int
    split: int | None = None
    group: int | None = None


@dataclass(frozen=True, eq=False)
class Listing(Sequence[Sample]):
    """The samples of a listing below `root`; `grouped_by` says where their groups come from.

    `grouped_by` is "column", "folder", "name" (what stands before a frame's number) or "" for groups of one.
    """

    root: Path
    text: bytes
    starts: Int64[np.ndarray, " rows_and_end"]
    row: Row
    columns: Columns
    grouped_by: str = ""

    def __len__(self) -> int:
        return len(self.starts) - 1

    @overload
    def __getitem__(self, place: int) -> Sample: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Sample]: ...
    def __getitem__(self, place: int | slice) -> Sample | Sequence[Sample]:
        """One sample, made anew each time, or a part of the list."""
        if isinstance(place, slice):
            return Chosen(self, np.arange(len(self))[place])
        place = range(len(self))[operator.index(place)]
        text = self.text[self.starts[place] : self.starts[place + 1]].decode()
        fields = next(csv.reader([text]))
        image, mask = fields[self.row.image], fields[self.row.mask]
        name, part = listed_id(image), int(self.columns.parts[place])
        return Sample(
            name,
            self.root / image,
            self.root / mask if mask else None,
            SPLITS[part - 1] if part else "",
            group_name(fields, name, self.row, self.grouped_by) or name,
        )

    def __iter__(self) -> Iterator[Sample]:
        return (self[place] for place in range(len(self)))


@dataclass(frozen=True, eq=False)
class Chosen(Sequence[Sample]):
    """Some of the samples of a data set, by their places; `seen` are those that were looked at, None for all."""

    samples: Sequence[Sample]
    places: Int[np.ndarray, " chosen"]
    seen: Int[np.ndarray, " seen"] | None = None

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, place: int) -> Sample: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Sample]: ...
    def __getitem__(self, place: int | slice) -> Sample | Sequence[Sample]:
        """One sample, or a part of the list."""
        if isinstance(place, slice):
            return Chosen(self.samples, self.places[place])
        return self.samples[int(self.places[place])]


def listed_id(image: str) -> str:
    """The id of a listed image: its path without ending, and without what leads out of the listing's folder."""
    if image.startswith(("/", ".")) or "/." in image or "//" in image:
        image = posixpath.normpath(image).lstrip("/")
        while image.startswith("../"):
            image = image[3:]
    return id_of(image)


def group_name(fields: Sequence[str], name: str, row: Row, grouped_by: str) -> str:
    """The name of a row's group, `name` being its id; empty where the image is one of its own."""
    if grouped_by == "column":
        assert row.group is not None, "rows are grouped by a column where there is one"
        return fields[row.group]
    folder, _, last = name.rpartition("/")
    if grouped_by == "folder":
        return scene_folder(folder)
    return frame_stem(last) if grouped_by == "name" else ""


@lru_cache(maxsize=100_000)
def scene_folder(folder: str) -> str:
    """A folder without the parts of its path that say what lies in it or which part of the data it is.

    >>> scene_folder("train/images/street 1")
    'street 1'
    """
    return "/".join(part for part in folder.split("/") if part.lower() not in _LAYOUT_WORDS)


def columns(samples: Sequence[Sample]) -> Columns:
    """What is known of every sample at once, whoever lists them."""
    if isinstance(samples, Listing):
        return samples.columns
    numbers: dict[str, int] = {}
    return Columns(
        labelled=np.array([sample.mask is not None for sample in samples], dtype=bool),
        parts=np.array([part_number(sample.split) for sample in samples], dtype=np.uint8),
        groups=np.array(
            [numbers.setdefault(sample.group or sample.id, len(numbers)) for sample in samples], dtype=np.int64
        ),
    )


def digest(samples: Sequence[Sample]) -> str:
    """A SHA-256 of what is listed, in order: ids, masks, parts and groups, not the files' content."""
    if isinstance(samples, Listing):
        return hashlib.sha256(samples.text).hexdigest()
    text = hashlib.sha256()
    for sample in samples:
        text.update("\0".join((sample.id, str(sample.mask), sample.split, sample.group, "\n")).encode())
    return text.hexdigest()
