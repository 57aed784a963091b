"""Labelled data that a model was not trained on: which of its mask values are which of the model's classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from segue.data.classes import IGNORE, Classes
from segue.data.encoding import encode
from segue.data.image import read_mask
from segue.data.index import Index, Sample
from segue.errors import DataError
from segue.infer.ahead import ahead

FEW = 5  # findings named in one message


def match_classes(classes: Classes, index: Index) -> Classes:
    """The model's classes with the mask values of `index`: by name where its layout shares any name, else by value.

    Values the layout declares unlabelled are ignored too.

    Raises:
        DataError: the layout names some of the model's classes, but not the same ones.
    """
    ignored = tuple(dict.fromkeys((*classes.ignored, *index.ignore)))
    if classes.coded_by_colour or not set(index.names) & set(classes.names):
        return replace(classes, ignored=ignored)
    values = {name: value for value, name in enumerate(index.names) if value not in ignored}
    if differing := sorted(set(values) ^ set(classes.names)):
        raise DataError(
            f"{index.root}: expected the classes of the model ({', '.join(classes.names)}), only one of the two has "
            f"{', '.join(differing[:FEW])}: evaluate on data with the classes the model was trained for"
        )
    return replace(classes, values=tuple(values[name] for name in classes.names), ignored=ignored)


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
        return set(np.flatnonzero(np.bincount(raw.ravel())).tolist())

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
    return ", ".join(f"{name} = {value}" for name, value in zip(classes.names, classes.values, strict=True))
