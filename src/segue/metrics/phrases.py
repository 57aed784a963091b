"""Scores in words: one way to write a figure and its interval, wherever one is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from segue.metrics import METRICS


def figure(value: float | None) -> str:
    """A score with three decimals; a dash where it is undefined.

    >>> figure(0.5), figure(None)
    ('0.500', '–')
    """
    return "–" if value is None else f"{value:.3f}"


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


def headline(summary: Mapping[str, Any], of: str) -> str:
    """The mean IoU with its interval, what that is over, and what was scored.

    >>> headline({"miou": 0.7, "interval": [0.6, 0.8], "interval_unit": "groups", "interval_units": 12}, "40 images")
    'mIoU 0.700 (95 % interval 0.600 to 0.800, over 12 groups) on 40 images'
    """
    over = (
        f", over {summary['interval_units']} {summary['interval_unit']}" if summary["interval"][0] is not None else ""
    )
    return f"mIoU {figure(summary['miou'])} ({interval_phrase(summary['interval'])}{over}) on {of}"


def cautions(summary: Mapping[str, Any]) -> list[str]:
    """Why the interval is not to be trusted, as a line; none when nothing is wrong."""
    return [f"caution: {summary['interval_caution']}"] if summary["interval_caution"] else []


def judged(summary: Mapping[str, Any]) -> str:
    """What was scored, where it is not the model itself: a sentence on the folds of `summary`, empty without any.

    >>> judged({"folds": [{}, {}], "n_images": 9})
    'Each of 9 images was judged by the one of 2 networks that has not seen it or its group. The model is the mean of \
the 2: nobody judged that, and it is usually a little better.'
    """
    if "folds" not in summary:
        return ""
    count = len(summary["folds"])
    return (
        f"Each of {summary['n_images']} images was judged by the one of {count} networks that has not seen it or its "
        f"group. The model is the mean of the {count}: nobody judged that, and it is usually a little better."
    )


def metric_lines(metrics: Mapping[str, Mapping[str, Any]], measure: Mapping[str, Any]) -> list[str]:
    """Every further metric (`Measured.summary`, by name) as a heading with its unit and a line for each class."""
    lines = []
    for name, scores in metrics.items():
        rows = [*scores["classes"], {"name": "all classes", **scores}]
        wide = max(len(row["name"]) for row in rows)
        lines += [f"{metric_title(name, measure)}:", *(f"  {row['name']:<{wide}}  {_score(row)}" for row in rows)]
    return lines


def metric_title(name: str, measure: Mapping[str, Any]) -> str:
    """A metric's name, with the unit of its lengths or its tolerance where it has some; `measure` as in the summary."""
    unit = "pixels" if measure["spacing"] is None else "units of the spacing"
    if METRICS[name].needs_tolerance:
        return f"{name} up to {measure['tolerance']:g} {unit}"
    return f"{name} in {unit}" if METRICS[name].is_distance else name


def missed_phrase(row: Mapping[str, Any]) -> str:
    """How often a distance had only one of truth and prediction to measure from; empty where it never happened.

    >>> missed_phrase({"value": 1.5, "missed": 2}), missed_phrase({"value": 0.5})
    ('2 times on one side only', '')
    """
    count = row.get("missed", 0)
    return f"{count} {'time' if count == 1 else 'times'} on one side only" if count else ""


def _score(row: Mapping[str, Any]) -> str:
    missed = missed_phrase(row)
    if row["value"] is None:
        return f"{figure(None)} ({missed})" if missed else figure(None)
    return f"{figure(row['value'])} ({'; '.join(filter(None, (interval_phrase(row['interval']), missed)))})"
