"""The labels of a data set as arrays of class ids, for layouts that store them in a way of their own."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segue.data.classes import IGNORE, Classes
from segue.data.encoding import encode
from segue.data.image import read_mask
from segue.data.index import Index, Sample
from segue.data.inferring import infer_classes
from segue.data.palettes import whole_palette
from segue.data.published import Colour, published
from segue.errors import DataError
from segue.table import did_you_mean

Ids = NDArray[np.uint8]


def settle(index: Index) -> Classes:
    """The classes of a data set, from its layout where that names them, else from its masks."""
    return infer_classes(index.samples, (), index.ignore, index.names, index.colours)


def class_ids(sample: Sample, classes: Classes) -> Ids:
    """The class ids of a labelled sample, 255 where it is not labelled.

    Raises:
        DataError: the mask cannot be read, or holds a value that is neither a class nor ignored.
    """
    assert sample.mask is not None, "called for labelled samples"
    return encode(read_mask(sample.mask), classes, sample.mask)


def labelled(index: Index) -> tuple[Sample, ...]:
    """The samples with a mask."""
    return tuple(sample for sample in index.samples if sample.mask is not None)


def refuse_names(names: Iterable[str], has_no_place: Callable[[str], bool], where: str) -> None:
    """Raise `DataError` for the first class name that a layout would read as something else.

    Args:
        names: the class names.
        has_no_place: whether a name cannot be written.
        where: the file the names stand in.
    """
    if bad := next((name for name in names if has_no_place(name)), None):
        raise DataError(
            f"expected class names that {where} can hold, got {bad!r}, which it would read as something else; "
            f"rename it: --merge {shlex.quote(f'NEW={bad}')}"
        )


def save_ids(path: Path, ids: NDArray[np.uint8], palette: tuple[Colour, ...] = ()) -> None:
    """Write a PNG that stores `ids` as they are; with a palette, viewers show the class colours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.ascontiguousarray(ids))
    if palette:
        picture.putpalette(whole_palette(palette))
    picture.save(path, "PNG")


def to_published(index: Index, table: str) -> Callable[[Sample], Ids]:
    """How a sample's mask is written in the numbers a published data set uses.

    Raises:
        DataError: the data has a class that data set does not have.
    """
    classes = settle(index)
    values = {row.name: row.value for row in published(table)}
    if strange := [name for name in classes.names if name not in values]:
        raise DataError(
            f"{index.root}: expected the classes of {table}, got {strange[0]!r} ({len(strange)} such): "
            f"{did_you_mean(strange[0], list(values))} Rename classes with --merge, or choose another layout"
        )
    void = next((row.value for row in published(table) if not row.counted), IGNORE)
    lookup = _lookup({number: values[name] for number, name in enumerate(classes.names)}, void)

    def write(sample: Sample) -> Ids:
        return lookup[class_ids(sample, classes)]

    return write


def _lookup(values: Mapping[int, int], void: int) -> Ids:
    table = np.full(256, void, np.uint8)
    for number, value in values.items():
        table[number] = value
    return table
