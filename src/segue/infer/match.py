"""Labelled data that a model was not trained on: which of its mask values are which of the model's classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from segue.data.classes import IGNORE, Classes, Merged, Value
from segue.data.encoding import encode
from segue.data.geotiff import NODATA
from segue.data.image import read_mask
from segue.data.index import Index, Sample
from segue.errors import DataError
from segue.infer.ahead import ahead

FEW = 5  # findings named in one message


def match_classes(classes: Classes, index: Index) -> Classes:
    """The model's classes with the mask values of `index`: by name where its layout shares any name, else by value.

    Values the layout declares unlabelled are ignored too. Where the model was trained on merged or renamed classes, the
    original names count as well, and become what they became then.

    Raises:
        DataError: the layout names some of the model's classes, but not the same ones.
    """
    ids = {one.name: one.id for one in classes.merged} | {name: number for number, name in enumerate(classes.names)}
    if classes.coded_by_colour or not set(index.names) & ids.keys():
        return replace(classes, ignored=tuple(dict.fromkeys((*classes.ignored, *index.ignore))))
    values = {name: value for value, name in enumerate(index.names) if value not in index.ignore}
    # a value the model ignored, under a name it has no class for, goes on being ignored
    nameless = set(classes.ignored) - {one.value for one in classes.merged}
    values = {name: value for name, value in values.items() if name in ids or value not in nameless}
    reached = {ids[name] for name in values if name in ids}
    lacking = {name for number, name in enumerate(classes.names) if number not in reached}
    if differing := sorted((values.keys() - ids.keys()) | lacking):
        raise DataError(
            f"{index.root}: expected the classes of the model ({', '.join(classes.names)}), only one of the two has "
            f"{', '.join(differing[:FEW])}: evaluate on data with the classes the model was trained for"
        )
    return _by_name(classes, index, {name: (value, ids[name]) for name, value in values.items()})


def _by_name(classes: Classes, index: Index, found: dict[str, tuple[Value, int]]) -> Classes:
    """The classes with the values of `found`: by original name, its mask value here and the class id it becomes."""
    first = {number: value for value, number in reversed(found.values())}
    labelled = {value for value, number in found.values() if number != IGNORE}
    ignored = (*(value for value in classes.ignored if value not in labelled), *index.ignore)
    unlabelled = (value for value, number in found.values() if number == IGNORE)
    merged = (Merged(name, value, number) for name, (value, number) in found.items()) if classes.merged else ()
    return replace(
        classes,
        values=tuple(first[number] for number in range(len(classes))),
        ignored=tuple(dict.fromkeys((*ignored, *unlabelled))),
        merged=tuple(merged),
    )


def check_masks(samples: Sequence[Sample], classes: Classes, unlabelled: Sequence[int] = ()) -> None:
    """Read every mask with `classes`; raises one `DataError` that names the masks that do not fit.

    Masks that hold 0 and 255 alone are refused for a model that ignores 255: that is how foreground is mostly stored,
    and ignoring it would score the background by itself. They pass where the layout declares 255 `unlabelled`.
    """

    def check(sample: Sample) -> set[int]:
        if sample.mask is None:
            return set()
        raw = read_mask(sample.mask)
        encode(raw, classes, sample.mask)
        return set(np.flatnonzero(np.bincount(raw.ravel())).tolist()) - {NODATA}

    wrong: list[str] = []
    values: set[int] = set()
    for _, checking in ahead(check, samples):
        try:
            values |= checking.result()
        except DataError as error:
            wrong.append(str(error))
    if wrong:
        more = f" ({len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise DataError(f"{wrong[0]}{more}; the model knows {_known(classes)}")
    ignored = not classes.coded_by_colour and IGNORE in classes.ignored and IGNORE not in unlabelled
    if ignored and IGNORE in values and values <= {0, IGNORE}:
        where = next(sample.mask for sample in samples if sample.mask is not None).parent
        raise DataError(
            f"{where}: expected the mask values of the model ({_known(classes)}; 255 is ignored), got "
            f"{' and '.join(map(str, sorted(values)))} alone, so that no foreground would count: write each class with "
            "its value in the model"
        )


def _known(classes: Classes) -> str:
    shown = [f"{name} = {value}" for name, value in zip(classes.names, classes.values, strict=True)]
    first = set(classes.values)
    more = [f"{one.name} = {one.value}" for one in classes.merged if one.id != IGNORE and one.value not in first]
    return ", ".join(shown + more)
