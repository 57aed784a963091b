"""Scores in words: one way to write a figure and its interval, wherever one is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from segue.metrics import METRICS


def figure(value: float | None) -> str:
    """A score with three decimals; a dash where it is undefined.

    >>> figure(0.5), figure(None)
    ('0.500', '  –  ')
    """
    return "  –  " if value is None else f"{value:.3f}"


def span(interval: Sequence[float | None]) -> str:
    """The two ends of an interval; a dash where there are too few images for one.

    >>> span([0.5, 0.61]), span([None, None])
    ('0.500 – 0.610', '–')
    """
    low, high = interval
    return "–" if low is None or high is None else f"{low:.3f} – {high:.3f}"


def interval_phrase(interval: Sequence[float | None]) -> str:
    """A 95 % interval as part of a sentence.

    >>> interval_phrase([0.5, 0.61]), interval_phrase([None, None])
    ('95 % interval 0.500 to 0.610', 'too few images for an interval')
    """
    low, high = interval
    return "too few images for an interval" if low is None or high is None else f"95 % interval {low:.3f} to {high:.3f}"


def metric_lines(metrics: Mapping[str, Mapping[str, Any]], measure: Mapping[str, Any]) -> list[str]:
    """Every further metric (`Measured.summary`, by name) as a heading with its unit and a line for each class."""
    lines = []
    for name, scores in metrics.items():
        rows = [*scores["classes"], {"name": "all classes", **scores}]
        wide = max(len(row["name"]) for row in rows)
        lines += [f"{name}{_lengths(name, measure)}:", *(f"  {row['name']:<{wide}}  {_score(row)}" for row in rows)]
    return lines


def _lengths(name: str, measure: Mapping[str, Any]) -> str:
    unit = "pixels" if measure["spacing"] is None else "units of the spacing"
    if METRICS[name].needs_tolerance:
        return f" up to {measure['tolerance']:g} {unit}"
    return f" in {unit}" if METRICS[name].is_distance else ""


def _score(row: Mapping[str, Any]) -> str:
    if row["value"] is None:
        return figure(None)
    missed = f"; {row['missed']} times on one side only" if row.get("missed") else ""
    return f"{figure(row['value'])} ({interval_phrase(row['interval'])}{missed})"
