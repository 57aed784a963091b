"""Rows of a list as lines for people: each column as wide as its widest cell."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

Row = dict[str, Any]
Column = tuple[str, Callable[[Row], str]]


def in_columns(rows: Sequence[Row], columns: Sequence[Column] | None = None) -> list[str]:
    """One line per row, under a line of headings; name and sentence without headings when no columns are given.

    >>> in_columns([{"name": "ce", "about": "Cross entropy."}, {"name": "dice", "about": "Dice."}])
    ['ce    Cross entropy.', 'dice  Dice.']
    """
    wanted = columns or (("", _text("name")), ("", _text("about")))
    table = [[cell(row) for _, cell in wanted] for row in rows]
    if columns:
        table.insert(0, [heading for heading, _ in columns])
    widths = [max(len(line[number]) for line in table) for number in range(len(wanted))]
    padded = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in table)
    return ["  ".join(cells).rstrip() for cells in padded]


def _text(key: str) -> Callable[[Row], str]:
    return lambda row: str(row.get(key, ""))


def _millions(row: Row) -> str:
    count = row.get("parameters")
    return "–" if count is None else f"{count / 1e6:.{1 if count >= 1e6 else 2}f}"


def _strides(row: Row) -> str:
    """`4-32` for maps that halve from 4 to 32, `16 x 4` for four of one stride, else all of them."""
    strides = row.get("strides", [])
    if len(strides) > 1 and len(set(strides)) == 1:
        return f"{strides[0]} x {len(strides)}"
    if len(strides) > 1 and all(coarser == 2 * finer for finer, coarser in itertools.pairwise(strides)):
        return f"{strides[0]}-{strides[-1]}"
    return " ".join(map(str, strides)) or "–"


def _milliseconds(row: Row) -> str:
    return "–" if row.get("ms") is None else f"{row['ms']:.0f}" if row["ms"] >= 10 else f"{row['ms']:.1f}"


def _taken(row: Row) -> str:
    """What may stand in brackets after the name, with its defaults."""
    return ", ".join(f"{key}={one['default']:g}" for key, one in row["parameters"].items()) or "–"


_NUMBERS: tuple[Column, ...] = (
    ("name", _text("name")),
    ("M", _millions),
    ("strides", _strides),
    ("ms", _milliseconds),
    ("licence", _text("licence")),
)
COLUMNS: dict[str, tuple[Column, ...]] = {
    "encoders": (*_NUMBERS, ("when to choose it", _text("about"))),
    "decoders": (*_NUMBERS, ("measured on", _text("encoder")), ("what it is", _text("about"))),
    "losses": (("name", _text("name")), ("takes", _taken), ("what it is", _text("about"))),
}
