"""A file that lists pairs: a CSV with the columns image and mask, and if you like split and group.

root/samples.csv      image,mask,split,group
                      photos/a.jpg,drawings/a.png,train,street 1
                      photos/b.jpg,drawings/b.png,val,street 2
pairs.csv             the file itself may be given, under any name
"""

from __future__ import annotations

import csv
import io
import itertools
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from segue.data.formats.layout import SPLIT_OF, Format, copy_file, neutral_names, new_folder
from segue.data.grouping import frame_stem
from segue.data.index import Index, Sample
from segue.data.listing import Columns, Listing, Row, listed_id, part_number, scene_folder
from segue.data.parallel import Update, for_each, silent
from segue.durable import write_text
from segue.errors import DataError

NAME = "samples.csv"
KNOWN = ("image", "mask", "split", "group")
AT_ONCE = 500  # rows that are looked at together; of more objects at a time, the garbage collector visits all there are
_PARTS = {"": 0, **{name: part_number(part) for name, part in SPLIT_OF.items()}}
MADE_AT_ONCE = 100_000  # samples up to which all are objects: faster, and as from any other layout


def sniff(root: Path) -> bool:
    """Whether there is a listing called `samples.csv`."""
    try:
        with (root / NAME).open(encoding="utf-8-sig", newline="") as file:
            return {"image", "mask"} <= set(file.readline(1000).strip().split(","))
    except (OSError, UnicodeDecodeError):
        return False


def read(root: Path, mask_name: str = "") -> Index:
    """Read `root/samples.csv`; see `Format`."""
    return read_listing(root / NAME)


def read_listing(path: Path) -> Index:
    """Read a listing; no file it names is looked at. Paths in it are relative to its folder, or absolute.

    Without a column of groups, the folder of an image or what stands before its frame's number is its group, as in
    other layouts.

    Raises:
        DataError: the file cannot be read, a row does not have the header's columns, a part is not train, val or test,
            or an image is listed twice.
    """
    try:
        text = path.read_bytes()
        listing = _listing(path, text.removeprefix(b"\xef\xbb\xbf").rstrip())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: expected a CSV file in UTF-8, cannot read it ({error})") from None
    samples: Sequence[Sample] = tuple(listing) if len(listing) <= MADE_AT_ONCE else listing
    return Index(root=path.absolute().parent, format="listing", samples=samples)


def write(index: Index, root: Path, update: Update = silent) -> None:
    """Copy the files to `root/images` and `root/masks` and list them with their parts and groups."""
    new_folder(root)
    names = neutral_names(index)
    several = len(set(names.values())) < len(names)

    def copy(sample: Sample) -> tuple[str, str, str, str]:
        name = f"{sample.split}-{names[sample.id]}" if several and sample.split else names[sample.id]
        image = copy_file(sample.image, root / "images" / name).relative_to(root).as_posix()
        mask = copy_file(sample.mask, root / "masks" / name).relative_to(root).as_posix() if sample.mask else ""
        return image, mask, sample.split, "" if sample.group == sample.id else sample.group

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(KNOWN)
    writer.writerows(for_each(copy, index.samples, update))
    write_text(root / NAME, text.getvalue())


def _listing(path: Path, text: bytes) -> Listing:
    """Column by column, some rows at a time: a million are read in about two seconds."""
    row, ids_of = _row(path, text), _ids(text)
    hashes, masked, parts = array("q"), bytearray(), bytearray()
    groups = _Groups("folder" if row.group is None else "column")
    for line, fields in _portions(path, text):
        ids = ids_of(fields[row.image])
        if not all(ids):
            raise DataError(f"{path}: line {line + ids.index('')}: expected an image's path, got none")
        hashes.extend(map(hash, ids))
        masked.extend(map(bool, fields[row.mask]))
        parts.extend(_parts(path, line, fields[row.split]) if row.split is not None else bytes(len(ids)))
        groups.take(fields, ids, row)
    starts = _starts(text)
    if len(starts) - 1 != len(parts):
        raise DataError(
            f"{path}: expected one line for each of {len(parts)} rows, got {len(starts) - 1}: take the line breaks "
            "out of names"
        )
    rule, numbers = groups.settled()
    if rule == "folder" and not groups.holds():
        by_name = _Groups("name")
        for _, fields in _portions(path, text):
            by_name.take(fields, ids_of(fields[row.image]), row)
        rule, numbers = by_name.settled() if by_name.holds() else ("", np.arange(len(parts)))
    columns = Columns(np.frombuffer(masked, bool), np.frombuffer(parts, np.uint8), numbers)
    listing = Listing(path.absolute().parent, text, starts, row, columns, rule)
    _refuse_repeated(path, listing, np.frombuffer(hashes, np.int64))
    return listing


def _parts(path: Path, line: int, given: Sequence[str]) -> bytes:
    """The numbers of the parts in rows from `line` on."""
    numbers = {part: _PARTS.get(part.strip().lower()) for part in set(given)}
    if wrong := [part for part in given if numbers[part] is None]:
        place = f"line {line + given.index(wrong[0])}"
        raise DataError(f"{path}: {place}: expected train, val, test or nothing as split, got {wrong[0]!r}")
    return bytes(number for part in given if (number := numbers[part]) is not None)


def _row(path: Path, text: bytes) -> Row:
    header = _header(text)
    places = {name: header.index(name) for name in KNOWN if name in header}
    if not {"image", "mask"} <= places.keys():
        raise DataError(f"{path}: expected a first line with the columns image and mask, got {','.join(header)[:80]!r}")
    return Row(places["image"], places["mask"], places.get("split"), places.get("group"))


def _header(text: bytes) -> list[str]:
    return [field.strip().lower() for field in next(csv.reader([text.partition(b"\n")[0].decode()]), [])]


def _portions(path: Path, text: bytes) -> Iterator[tuple[int, list[tuple[str, ...]]]]:
    """The line some rows begin at, and their columns."""
    rows = csv.reader(io.TextIOWrapper(io.BytesIO(text), encoding="utf-8", newline=""), strict=True)
    width, line = len(next(rows)), 2
    while portion := list(itertools.islice(rows, AT_ONCE)):
        if {*map(len, portion)} != {width}:
            odd = next(place for place, fields in enumerate(portion) if len(fields) != width)
            raise DataError(f"{path}: line {line + odd}: expected {width} fields, got {len(portion[odd])}")
        yield line, list(zip(*portion, strict=True))
        line += len(portion)


def _ids(text: bytes) -> Callable[[Sequence[str]], list[str]]:
    """What gives the ids of images, as `listed_id` does: quickly where the text holds no odd path."""
    if b"./" in text or b"//" in text or not text.isascii():
        return lambda images: [listed_id(image) for image in images]
    return lambda images: [image.rpartition(".")[0].lstrip("/") for image in images]


class _Groups:
    """Numbers the groups of rows by one rule (see `Listing.grouped_by`)."""

    def __init__(self, rule: str) -> None:
        self.rule = rule
        self._seen: dict[str, int] = {}
        self._numbers = array("q")

    def take(self, fields: Sequence[Sequence[str]], ids: Sequence[str], row: Row) -> None:
        """Go on with some rows."""
        if self.rule == "column" and row.group is not None:
            names: Sequence[str] = fields[row.group]
        elif self.rule == "folder":
            names = [scene_folder(name.rpartition("/")[0]) for name in ids]
        else:
            names = [frame_stem(name.rpartition("/")[2]) for name in ids]
        for name in dict.fromkeys(names):
            self._seen.setdefault(name, len(self._seen))
        self._numbers.extend(map(self._seen.__getitem__, names))

    def holds(self) -> bool:
        """Whether the rule groups anything, as `segue.data.grouping.groups` decides it."""
        different = len(np.unique(self.settled()[1]))
        return 2 <= different < len(self._numbers)

    def settled(self) -> tuple[str, Int64[np.ndarray, " rows"]]:
        """The rule, and the number of each row's group; rows without a name are groups of one."""
        groups = np.array(self._numbers, dtype=np.int64)
        alone = groups == self._seen.get("", -1)
        groups[alone] = len(self._seen) + np.arange(alone.sum())
        return self.rule, groups


def _starts(text: bytes) -> Int64[np.ndarray, " rows_and_end"]:
    """Where each row after the header begins, and where the last one ends."""
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))
    return np.append(ends + 1, len(text))


def _refuse_repeated(path: Path, listing: Listing, hashes: Int64[np.ndarray, " rows"]) -> None:
    order = np.argsort(hashes, kind="stable")
    same = np.flatnonzero(hashes[order][1:] == hashes[order][:-1])
    for one, other in zip(order[same].tolist(), order[same + 1].tolist(), strict=True):
        if listing[one].id == listing[other].id:
            raise DataError(
                f"{path}: line {other + 2}: expected every image once (endings aside), got {listing[one].id} "
                f"of line {one + 2} again: take one out"
            )


LISTING = Format(sniff, read, write, names=False, templated=False)
