"""Labelled data that a model was not trained on: which of its mask values are which of the model's classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from segue.data.classes import Classes
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


def check_masks(samples: Sequence[Sample], classes: Classes) -> None:
    """Read every mask with `classes`; raises one `DataError` that names the masks that do not fit."""

    def check(sample: Sample) -> None:
        if sample.mask is not None:
            encode(read_mask(sample.mask), classes, sample.mask)

    wrong: list[str] = []
    for _, checking in ahead(check, samples):
        try:
            checking.result()
        except DataError as error:
            wrong.append(str(error))
    if wrong:
        more = f" ({len(wrong) - 1} more)" if len(wrong) > 1 else ""
        known = ", ".join(f"{name} = {value}" for name, value in zip(classes.names, classes.values, strict=True))
        raise DataError(f"{wrong[0]}{more}; the model knows {known}")
