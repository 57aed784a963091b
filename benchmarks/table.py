"""Rows of the table that `make bench` prints: what was measured on both sides, and what was to be shown.

A benchmark that belongs to the table prints one line of JSON per row, as `emit` writes it, and whatever else it likes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table: `ours` and `peer` in `unit`; `ratio` is what `goal` speaks of, `holds` whether it is met.

    `peer` names what is beside us, "" where the goal is a limit and not a comparison.
    """

    what: str
    ours: float
    unit: str
    goal: str
    holds: bool
    peer: str = ""
    peers: float | None = None
    ratio: float | None = None
    note: str = ""


def faster(what: str, ours: float, peers: float, unit: str, peer: str, *, at_least: float, note: str = "") -> Row:
    """A row about a time (lower is better): the goal is that the peer takes `at_least` times as long.

    >>> faster("step", 0.2, 0.5, "s", "a plain loop", at_least=2.0).ratio
    2.5
    """
    ratio = peers / ours
    return Row(
        what, rounded(ours), unit, f"≥ {at_least:g}x", ratio >= at_least, peer, rounded(peers), round(ratio, 2), note
    )


def within(what: str, ours: float, unit: str, *, at_most: float, note: str = "") -> Row:
    """A row about a figure that has a limit.

    >>> within("segue --help", 0.31, "s", at_most=0.5).holds
    True
    """
    return Row(what, rounded(ours), unit, f"≤ {at_most:g} {unit}", ours <= at_most, note=note)


def told(what: str, ours: float, unit: str, *, note: str = "") -> Row:
    """A row about a figure that is to be known and has no limit."""
    return Row(what, rounded(ours), unit, "", True, note=note)


def rounded(value: float) -> float:
    """Three digits that count: a table is read, not computed with."""
    return float(f"{value:.3g}")


def emit(row: Row) -> None:
    """Print a row as one line of JSON."""
    print(json.dumps({"row": asdict(row)}, ensure_ascii=False), flush=True)


def parse(line: str) -> Row | None:
    """The row a line holds, or None."""
    if not line.startswith('{"row":'):
        return None
    return Row(**json.loads(line)["row"])
