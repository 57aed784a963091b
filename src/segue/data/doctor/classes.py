"""The classes over the whole set: is there something to learn, and does each part hold each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from segue.data.classes import IGNORE, Classes
from segue.data.doctor.codes import problem
from segue.data.doctor.masks import MaskFacts
from segue.data.index import Index, Problem, Sample
from segue.data.survey import pack


def check_classes(index: Index, masks: Mapping[str, MaskFacts], classes: Classes) -> list[Problem]:
    """Report a set with a single class, and classes that a split lacks.

    Args:
        index: the data set.
        masks: what is known of each mask, by sample id.
        classes: the classes of the set.
    """
    present = {split: _present(index.of(split), masks, classes) for split in ("train", "val", "test", "")}
    everywhere = set[int]().union(*present.values())
    if len(everywhere) == 1:
        text = f"expected two or more classes, got {classes.names[everywhere.pop()]} alone"
        return [problem("CLASS_SINGLE", index.root, text)]
    if not index.of("train") or not (index.of("val") or index.of("test")):
        return []
    held_out = present["val"] | present["test"]
    lacking = [("CLASS_ABSENT_TRAIN", "train", held_out - present["train"])]
    if index.of("val"):
        lacking.append(("CLASS_ABSENT_VAL", "val", present["train"] - present["val"]))
    return [
        problem(
            code, index.root, f"class {classes.names[i]} (mask value {_written(classes, i)}) never occurs in {split}"
        )
        for code, split, absent in lacking
        for i in sorted(absent)
    ]


def _present(samples: Sequence[Sample], masks: Mapping[str, MaskFacts], classes: Classes) -> set[int]:
    ids = {pack(value) if isinstance(value, tuple) else value: i for value, i in classes.ids().items() if i != IGNORE}
    found: set[int] = set()
    for sample in samples:
        if sample.id in masks and len(found) < len(classes):
            facts = masks[sample.id]
            values = facts.colours if classes.coded_by_colour else facts.values
            found.update(ids[value] for value in values.tolist() if value in ids)
    return found


def _written(classes: Classes, i: int) -> str:
    value = classes.values[i]
    return "#{:02X}{:02X}{:02X}".format(*value) if isinstance(value, tuple) else str(value)
