"""The demonstration's `report.html`: the runs side by side, on one page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from segue.console import duration
from segue.data.classes import Classes
from segue.metrics.phrases import span
from segue.report.charts import Line, line_chart
from segue.report.escaping import escape
from segue.report.page import shell
from segue.report.sections import bar_cell, data_uri, fact_list, number_cell, swatch

INTRODUCTION = (
    "Three networks of one architecture learned the same {images} labelled pictures of a winter town at night, with "
    "the same steps, batches and seed. They differ in where they start: from random weights, or from an encoder that "
    "was pretrained on generated pictures of a harbour in summer, kept as it is (frozen) or trained along "
    "(transferred). All were scored on the same {scored} scenes, which none was trained on."
)


@dataclass(frozen=True)
class Row:
    """One run: its name, its folder, what evaluation found, its wall clock, and (step, validation mIoU) on the way."""

    name: str
    run: Path
    evaluation: dict[str, Any]
    seconds: float
    history: tuple[tuple[float, float], ...]

    @property
    def miou(self) -> float | None:
        """Mean IoU over the classes; None where no pixel is labelled."""
        miou: float | None = self.evaluation["miou"]
        return miou

    @property
    def interval(self) -> list[float | None]:
        """The 95 % bootstrap interval of `miou`; twice None where there is none."""
        interval: list[float | None] = self.evaluation["interval"]
        return interval

    def span(self) -> str:
        """The interval for people."""
        return span(self.interval)


def render(
    rows: Sequence[Row],
    picture: UInt8[np.ndarray, "rows columns 3"],
    classes: Classes,
    facts: dict[str, str],
    images: int,
    links: dict[str, str],
) -> str:
    """The page as text; `facts` describe the pretrained encoder, `links` name each run's own report."""
    introduction = INTRODUCTION.format(images=images, scored=rows[0].evaluation["n_images"])
    shown = f'<img src="{data_uri(picture)}" alt="scenes, truth and predictions" style="width:100%;height:auto">'
    curves = line_chart("validation mIoU by step", [Line(row.name, row.history) for row in rows])
    parts = [
        ("Result", f"<p>{escape(introduction)}</p>{_table(rows, links)}"),
        ("Scenes", f"{shown}<p>The first validation scenes, not chosen by result.</p>"),
        ("Training", f'<div class="charts" style="max-width: 26rem">{curves}</div>'),
        ("Classes", _class_table(rows, classes)),
        ("Pretrained encoder", fact_list(facts)),
    ]
    body = "".join(f"<section><h2>{title}</h2>{content}</section>" for title, content in parts)
    return shell("From a harbour in summer to a town in winter", body)


def _table(rows: Sequence[Row], links: dict[str, str]) -> str:
    heads = _heads(("", "mIoU", "95 % interval", "time", "report"))
    body = "".join(
        f"<tr><th scope=row>{escape(row.name)}</th>{bar_cell(row.miou)}"
        f"<td>{row.span()}</td><td>{duration(row.seconds)}</td>"
        f'<td><a href="{escape(links[row.name])}">open</a></td></tr>'
        for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def _class_table(rows: Sequence[Row], classes: Classes) -> str:
    heads = _heads(("IoU", *(row.name for row in rows)))
    ious = [{entry["name"]: entry["iou"] for entry in row.evaluation["classes"]} for row in rows]
    body = "".join(
        f"<tr><th scope=row>{swatch(colour)}{escape(name)}</th>{''.join(number_cell(iou[name]) for iou in ious)}</tr>"
        for name, colour in zip(classes.names, classes.palette, strict=True)
    )
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def _heads(titles: Sequence[str]) -> str:
    return "".join(f"<th scope=col>{escape(title)}</th>" for title in titles)
