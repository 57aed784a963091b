"""The scores of `segue evaluate --metrics` in the report: one row for each class, one column for each metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from segue.metrics.phrases import figure, metric_title, missed_phrase, span
from segue.report.escaping import escape
from segue.report.inputs import ReportInputs
from segue.report.sections import sortable, swatch


def further_metrics(inputs: ReportInputs) -> str:
    """A sortable table with 95 % intervals, the last row for all classes together; empty when none was asked for."""
    metrics = inputs.summary.get("metrics", {})
    if not metrics:
        return ""
    names = [
        f"{swatch(rgb)}{escape(name)}" for name, rgb in zip(inputs.classes.names, inputs.classes.palette, strict=True)
    ]
    columns = [[*scores["classes"], scores] for scores in metrics.values()]
    rows = [
        f"<tr><th scope=row>{name}</th>{''.join(map(_cell, cells))}</tr>"
        for name, cells in zip([*names, "all classes"], zip(*columns, strict=True), strict=True)
    ]
    heads = ("class", *(metric_title(name, inputs.summary["measure"]) for name in metrics))
    return (
        f"{sortable(heads, rows)}<p>Behind each figure, its 95 % interval. “On one side only”: images in which either "
        "the truth or the prediction has nothing of the class.</p>"
    )


def _cell(row: Mapping[str, Any]) -> str:
    value = row["value"]
    behind = "; ".join(filter(None, ("" if value is None else span(row["interval"]), missed_phrase(row))))
    small = f" <small>{escape(behind)}</small>" if behind else ""
    return f'<td data-sort="{-1 if value is None else value:.6f}">{figure(value)}{small}</td>'
