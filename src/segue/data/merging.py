"""Merging, renaming and dropping classes by a mapping: `vehicle: [car, bus, truck]`, `person: pedestrian`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from segue.data.classes import IGNORE, Classes, Merged
from segue.errors import UsageError
from segue.table import did_you_mean

UNLABELLED = "ignore"  # the name that makes classes unlabelled


def merge_classes(classes: Classes, merge: Mapping[str, Sequence[str]]) -> Classes:
    """The classes after `merge`, which gives each new name the names it replaces.

    A class that is not named keeps its name. `ignore` as the new name makes classes unlabelled. A new name that is also
    the name of an existing class takes that class in. A merged class stands where the first of its originals stood and
    keeps that one's colour.

    Raises:
        UsageError: a name is unknown or stands in two groups, or no class is left.
    """
    if not merge:
        return classes
    new_name = _new_names(classes, merge)
    names = tuple(dict.fromkeys(name for name in new_name.values() if name != UNLABELLED))
    if not names:
        raise UsageError("merge: expected a class to be left, every one becomes 'ignore'; keep one out of it")
    first = [list(new_name.values()).index(name) for name in names]
    merged = tuple(
        Merged(old, value, names.index(new) if new != UNLABELLED else IGNORE)
        for (old, new), value in zip(new_name.items(), classes.values, strict=True)
        if new != old or list(new_name.values()).count(new) > 1
    )
    dropped = (original.value for original in merged if original.id == IGNORE)
    return Classes(
        names,
        tuple(classes.palette[i] for i in first),
        tuple(classes.values[i] for i in first),
        (*classes.ignored, *dropped),
        merged,
    )


def _new_names(classes: Classes, merge: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What each class is called afterwards, in the old order."""
    new_name = {name: name for name in classes.names}
    taken: dict[str, str] = {}
    for new, olds in merge.items():
        for old in olds:
            if old not in new_name:
                raise UsageError(f"merge: unknown class {old!r} for {new!r}: {did_you_mean(old, list(classes.names))}")
            if taken.setdefault(old, new) != new:
                raise UsageError(f"merge: expected {old!r} in one group, got it in {taken[old]!r} and in {new!r}")
            new_name[old] = new
    return new_name
