"""The parts of the report, each a function from inputs to HTML; every text from outside goes through `escape`."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import yaml
from PIL import Image

from segue.console import duration
from segue.data.classes import Classes
from segue.metrics.phrases import figure
from segue.report.charts import Line, line_chart
from segue.report.escaping import escape
from segue.report.inputs import DataSummary, Example, ReportInputs, SplitSummary
from segue.report.meanings import linked
from segue.report.pictures import UNLABELLED, WRONG, panels
from segue.report.plots import row_shares

MOST_LABELLED = 24  # classes up to which the confusion matrix carries figures
MOST_FINDINGS = 50
CARDS = {
    "dice": "Dice",
    "pixel_accuracy": "pixel accuracy",
    "mean_pixel_accuracy": "mean pixel accuracy",
    "frequency_weighted_iou": "frequency-weighted IoU",
}


def headline(inputs: ReportInputs) -> str:
    """A sentence, the mean IoU, its interval on a scale from 0 to 1, and the other figures of one number each."""
    summary = inputs.summary
    low, high = summary["interval"]
    band = ""
    if low is not None:
        places = f"--low:{low:.4f};--high:{high:.4f};--value:{summary['miou']:.4f}"
        unit = f"{summary['interval_units']} {summary['interval_unit']}"
        band = (
            f'<div class="scale" style="{places}" role="img" aria-label="interval {low:.3f} to {high:.3f}">'
            '<i class="band"></i><i class="point"></i><b>0</b><b>1</b></div>'
            f"<p>{linked('95 % interval', 'interval')} <strong>{low:.3f} – {high:.3f}</strong>, over {escape(unit)}</p>"
        )
    if summary["interval_caution"]:
        band += f'<p class="caution">Caution: {escape(summary["interval_caution"])}.</p>'
    cards = [(linked(label, "scores"), figure(summary[key])) for key, label in CARDS.items()]
    cards.append(("images", f"{summary['n_images']:,}"))
    if inputs.seconds is not None:
        cards.append(("training time", duration(inputs.seconds)))
    shown = "".join(f"<div><dt>{label}</dt><dd>{escape(value)}</dd></div>" for label, value in cards)
    big = f'<div class="big"><span>{linked("mean IoU", "miou")}</span><output>{figure(summary["miou"])}</output></div>'
    note = f"<p>{escape(inputs.judged)} {linked('What this means.', 'folds')}</p>" if inputs.judged else ""
    said = f'<p class="aloud">{escape(_aloud(summary))}</p>'
    if inputs.caution:
        said += f'<p class="caution">Caution: {escape(inputs.caution)}.</p>'
    return (
        f'{said}<div class="headline">{big}<div class="interval">{band}</div></div><dl class="cards">{shown}</dl>{note}'
    )


def _aloud(summary: dict[str, Any]) -> str:
    """The result in a sentence that is right when it is read aloud."""
    if summary["miou"] is None:
        return "No labelled pixel was scored."
    scored = len(summary["classes"]) - len(summary["excluded"])
    over = "" if scored == 1 else f", on average over {scored} classes"
    images = "1 image" if summary["n_images"] == 1 else f"{summary['n_images']:,} images"
    return (
        "Of the area that the labels or the network give to a class, they agree on "
        f"{100 * summary['miou']:.0f} %{over}: this was measured on {images}."
    )


def curves(inputs: ReportInputs) -> str:
    """Validation mIoU (its best step ringed), training losses and learning rate."""
    history = inputs.history
    best = max(history, key=lambda row: row.miou if row.miou == row.miou else -1.0)
    names = dict.fromkeys(name for row in history for name in row.losses)
    losses = [Line(name, tuple((r.step, r.losses[name]) for r in history if name in r.losses)) for name in names]
    charts = (
        line_chart("validation mIoU", [Line("mIoU", tuple((r.step, r.miou) for r in history))], (best.step, best.miou)),
        line_chart("training loss", losses),
        line_chart("learning rate", [Line("lr", tuple((r.step, r.lr) for r in history))]),
    )
    note = (
        f"<p>The weights kept are those of step {best.step:,} (ringed). These scores are taken while training, in the "
        "number format of training; the ones above are computed afterwards in float32 on every image.</p>"
    )
    return f'<div class="charts">{"".join(charts)}</div>{note}'


def class_table(inputs: ReportInputs) -> str:
    """One row for each class, sortable, with a bar for the IoU."""
    total = sum(row["pixels"] for row in inputs.summary["classes"]) or 1
    rows = [
        f"<tr><th scope=row>{swatch(colour)}{escape(row['name'])}</th>{bar_cell(row['iou'])}"
        + "".join(number_cell(row[key]) for key in ("dice", "precision", "recall"))
        + f'<td data-sort="{row["pixels"]}">{percent(row["pixels"] / total)}</td>'
        + (number_cell(inputs.class_weights.get(row["name"])) if inputs.class_weights else "")
        + "</tr>"
        for row, colour in zip(inputs.summary["classes"], inputs.classes.palette, strict=True)
    ]
    weight = ("weight in the loss",) if inputs.class_weights else ()
    heads = ("class", "IoU", "Dice", "precision", "recall", "share of pixels", *weight)
    table = sortable(heads, rows)
    excluded = inputs.summary["excluded"]
    if not excluded:
        return table
    listed = ", ".join(escape(name) for name in excluded)
    return f"{table}<p>Not in the mean, since neither the truth nor the prediction holds a pixel of it: {listed}.</p>"


def confusion_table(inputs: ReportInputs) -> str:
    """The confusion matrix, each row (true class) divided by its sum."""
    shares, names = row_shares(inputs.matrix), inputs.classes.names
    labelled = len(names) <= MOST_LABELLED
    heads = "".join(f"<th scope=col><span>{escape(name)}</span></th>" for name in names)
    rows = "".join(
        f"<tr><th scope=row>{swatch(inputs.classes.palette[i])}{escape(name)}</th>"
        + "".join(_share_cell(shares[i, j], name, names[j], labelled) for j in range(len(names)))
        + "</tr>"
        for i, name in enumerate(names)
    )
    kind = "matrix" if labelled else "matrix dense"
    return (
        f'<div class="wide"><table class="{kind}"><thead><tr><td>true ↓ predicted →</td>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div><p>Percent of the pixels of each true class.</p>"
    )


def _share_cell(share: float, true: str, predicted: str, labelled: bool) -> str:
    if np.isnan(share):
        return '<td class="none"></td>'
    text = f"{100 * share:.0f}" if labelled and share >= 0.005 else ""
    title = escape(f"{true} → {predicted}: {100 * share:.1f} %")
    strong = " class=strong" if share > 0.55 else ""
    return f'<td style="--share:{share:.3f}" title="{title}"{strong}>{text}</td>'


def gallery(examples: Sequence[Example], classes: Classes) -> str:
    """A row of four pictures for each example."""
    titles = ("image", "truth", "prediction", "errors")
    rows = []
    for example in examples:
        shown = "".join(
            f'<figure><img src="{data_uri(picture)}" alt="{title} of {escape(example.id)}" '
            f'width="{picture.shape[1]}" height="{picture.shape[0]}" loading="lazy">'
            f"<figcaption>{title}</figcaption></figure>"
            for title, picture in zip(titles, panels(example, classes), strict=True)
        )
        score = "no labelled pixel" if example.miou != example.miou else f"mIoU {example.miou:.3f}"
        rows.append(
            f'<div class="example"><h3>{escape(example.id)} <small>{score}</small></h3><div>{shown}</div></div>'
        )
    return "".join(rows)


def legend(classes: Classes) -> str:
    """The colours of the classes, and what the error map shows."""
    keys = "".join(
        f"<span>{swatch(rgb)}{escape(name)}</span>" for name, rgb in zip(classes.names, classes.palette, strict=True)
    )
    errors = f"<span>{swatch(WRONG)}wrong</span><span>{swatch(UNLABELLED)}unlabelled</span>"
    return f'<p class="keys">{keys}{errors}</p>'


def data_section(data: DataSummary, classes: Classes) -> str:
    """Where the data lies, its parts, the share of every class in each, and what the doctor said."""
    facts = {"folder": data.root, "layout": data.format, "image channels": str(data.channels)}
    heads = "".join(f"<th scope=col>{escape(part.name)}</th>" for part in data.splits)
    body = [
        f"<tr><th scope=row>images</th>{_cells(f'{part.images:,}' for part in data.splits)}</tr>",
        f"<tr><th scope=row>groups</th>{_cells(f'{part.groups:,}' for part in data.splits)}</tr>",
    ]
    for i, name in enumerate(classes.names):
        cells = "".join(bar_cell(_share_of(part, i), as_percent=True) for part in data.splits)
        body.append(f"<tr><th scope=row>{swatch(classes.palette[i])}{escape(name)}</th>{cells}</tr>")
    table = (
        f'<div class="wide"><table><thead><tr><td></td>{heads}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'
    )
    return fact_list(facts) + table + _findings(data)


def _cells(texts: Any) -> str:  # noqa: ANN401 - any iterable of text
    return "".join(f"<td>{escape(text)}</td>" for text in texts)


def _share_of(part: SplitSummary, index: int) -> float | None:
    total = int(part.pixels.sum())
    return int(part.pixels[index]) / total if total else None


def _findings(data: DataSummary) -> str:
    if not data.findings:
        asked = "The doctor found nothing wrong."
        unasked = "The layout was read without a finding. The files were not examined: that is what segue doctor does."
        return f"<p>{asked if data.examined else unasked}</p>"
    rows = "".join(
        f'<li class="{escape(f.severity)}"><code>{escape(f.code)}</code> {escape(f.message)} '
        f"<small>{escape(f.path)}</small> <em>{escape(f.remedy)}</em></li>"
        for f in data.findings[:MOST_FINDINGS]
    )
    more = len(data.findings) - MOST_FINDINGS
    rest = f"<p>and {more:,} more: run segue doctor</p>" if more > 0 else ""
    title = "What the doctor said" if data.examined else "What was found while reading the layout"
    return f'<h3>{title}</h3><ul class="findings">{rows}</ul>{rest}'


def configuration(inputs: ReportInputs) -> str:
    """The resolved configuration as YAML."""
    text = yaml.safe_dump(inputs.config, sort_keys=False, allow_unicode=True)
    return f"<details><summary>every option, as it was used</summary><pre>{escape(text)}</pre></details>"


def command(inputs: ReportInputs) -> str:
    """The command line, with a button that copies it."""
    return f'<div class="command"><pre>{escape(inputs.command)}</pre><button type="button" hidden>copy</button></div>'


def fact_list(facts: dict[str, Any]) -> str:
    """Labelled facts, one a line."""
    rows = "".join(f"<div><dt>{escape(key)}</dt><dd>{escape(value)}</dd></div>" for key, value in facts.items())
    return f'<dl class="facts">{rows}</dl>'


def sortable(heads: Sequence[str], rows: Sequence[str]) -> str:
    """A table whose columns sort when their heads are pressed."""
    cells = "".join(f'<th scope=col><button type="button">{escape(head)}</button></th>' for head in heads)
    return (
        f'<div class="wide"><table class="sortable"><thead><tr>{cells}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def bar_cell(value: float | None, *, as_percent: bool = False) -> str:
    """A table cell with a bar from 0 to 1 behind its number."""
    if value is None:
        return number_cell(None)
    text = percent(value) if as_percent else figure(value)
    return f'<td class="bar" data-sort="{value:.6f}" style="--share:{value:.4f}"><i></i>{text}</td>'


def number_cell(value: float | None) -> str:
    """A table cell; an undefined number is a dash and sorts last."""
    return f'<td data-sort="{-1 if value is None else value:.6f}">{figure(value)}</td>'


def percent(share: float) -> str:
    """A share with as many decimals as it needs to differ from zero."""
    return f"{100 * share:.1f} %" if share >= 0.001 or share == 0 else "< 0.1 %"


def swatch(rgb: tuple[int, int, int]) -> str:
    """A small square of a class's colour."""
    return f'<i class="swatch" style="background:rgb({rgb[0]},{rgb[1]},{rgb[2]})"></i>'


def data_uri(picture: np.ndarray) -> str:
    """A picture as a JPEG inside the page."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
