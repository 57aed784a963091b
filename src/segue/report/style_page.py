"""The report of `segue style evaluate`: one page with every number, its interval, and the pictures it is about."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from segue.report.escaping import escape
from segue.report.page import shell
from segue.report.scatter import Point, scatter
from segue.report.sections import data_uri, fact_list
from segue.style.evaluation.intervals import Middle
from segue.style.evaluation.summary import Cell, Line, Summary

MOST_BESIDE = 6  # pictures in a line
SIDE = 224  # pixels of the long side of a shown picture
OWN = "†"
NO_ORDER = "does not rank the baselines"
GROUPS = {
    "content": "Content: what is left of the photograph",
    "style": "Style: how near the painting",
    "stability": "Stability",
    "cost": "Cost",
}
MEANINGS = {
    "No number says that a picture is good.": "Content and style pull against each other, and nobody agrees on their "
    "exchange rate. Read them as a pair: a method is better than another only where it is no worse in both.",
    "Rows of baselines give the scale.": "identity is the best content and no style, style the best style and none of "
    "the content. What an unrelated painting gets in a row of content is the level of chance.",
    "Judges": "are networks that see what they were trained to see. Where two of them disagree about which method is "
    f"better, nothing is decided. {OWN} marks scores by a network that the method was painted with: it saw the exam.",
    NO_ORDER: "stands beside a measure that does not put identity, colour transfer and Gatys into their order on these "
    "pictures (those of the three that were judged). Do not decide anything by it here.",
    "texture": "compares luminance alone, colours the palette alone: a copy of the colours wins the second, not the "
    "first.",
    "instability": "is 1 for a method that changes nothing and 0 for one that paints all in one colour. A low figure "
    "is worth something beside a good style only.",
    "Intervals": "say how far the middle could move with other contents and other styles of the same kind, not with "
    "other seeds or other judges.",
}

Pixels = UInt8[np.ndarray, "_ _ 3"]


@dataclass(frozen=True)
class Row:
    """A pair in the grid: a caption and its pictures by heading."""

    caption: str
    pictures: Mapping[str, Pixels]


def render(title: str, summary: Summary, rows: Sequence[Row], facts: Mapping[str, str]) -> str:
    """The page as text."""
    parts = [
        ("result", "Result", _introduction(summary) + _table(summary)),
        ("plane", "Content against style", _charts(summary)),
        ("pictures", "Pictures", _grid(rows)),
        ("differences", f"Differences to {summary.against}", _differences(summary)),
        ("meaning", "What the numbers can say, and what not", _meanings()),
        ("methods", "Methods", fact_list({one.name: one.about for one in summary.methods})),
        ("settings", "Settings", fact_list(dict(facts))),
    ]
    links = "".join(f'<a href="#{anchor}">{escape(name)}</a>' for anchor, name, text in parts[1:] if text)
    body = "".join(
        f'<section id="{anchor}"><h2>{escape(name)}</h2>{text}</section>' for anchor, name, text in parts if text
    )
    return shell(title, body, links)


def shown(value: float) -> str:
    """A score with three decimals, one where it is 10 or more; a dash where it is undefined.

    >>> shown(0.5), shown(123.456), shown(float("nan"))
    ('0.500', '123.5', '–')
    """
    if value != value:
        return "–"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _introduction(summary: Summary) -> str:
    text = (
        f"{summary.about_pairs()}, the same for every method. Medians over the pairs (means where it says so), with "
        "95 % intervals over contents and styles."
    )
    caution = f'<p class="caution">Caution: {escape(summary.caution)}.</p>' if summary.caution else ""
    return f"<p>{escape(text)}</p>{caution}"


def _table(summary: Summary) -> str:
    heads = "".join(f"<th scope=col>{escape(one.name)}</th>" for one in summary.methods)
    span = len(summary.methods) + 1
    body = []
    for group, lines in itertools.groupby(summary.lines, key=lambda line: line.score.measure.group):
        heading = f'<th scope=rowgroup colspan={span} style="text-align:left;padding-top:1.4rem">{GROUPS[group]}</th>'
        body.append(f"<tr>{heading}</tr>")
        body += [_row(line, span, told) for line, told in _told(lines)]
    own = any(cell.own_judge for line in summary.lines for cell in line.cells)
    notes = "<p>↓ lower is better, ↑ higher is better.</p>"
    if own:
        notes += f"<p>{OWN} judged by its own network: the method was painted with it, which flatters the score.</p>"
    table = f"<table><thead><tr><td></td>{heads}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    return f'<div class="wide" style="margin-top:1rem">{table}</div>{notes}'


def _told(lines: Iterable[Line]) -> Iterator[tuple[Line, bool]]:
    """Each line, and whether it says what its measure is: the first of a measure does, other judges' do not."""
    last = ""
    for line in lines:
        yield line, line.score.measure.name != last
        last = line.score.measure.name


def _row(line: Line, span: int, told: bool) -> str:
    head = _head(line, told)
    if line.reason:
        reason = (
            f'<td colspan={span - 1} style="text-align:left"><small>not computed: {escape(line.reason)}</small></td>'
        )
        return f"<tr>{head}{reason}</tr>"
    return f"<tr>{head}{''.join(_cell(cell) for cell in line.cells)}</tr>"


def _head(line: Line, told: bool) -> str:
    measure = line.score.measure
    arrow = "↑" if measure.higher_is_better else "↓"
    judge = f" <small>{escape(line.score.judge)}</small>" if line.score.judge else ""
    warning = f'<br><small class="caution">{NO_ORDER}</small>' if line.ranks is False else ""
    about = f"<br><small>{escape(measure.about)}</small>" if told else ""
    return (
        f'<th scope=row style="white-space:normal;min-width:15rem"><strong>{escape(measure.name)}</strong>{judge} '
        f"{arrow}{about}{warning}</th>"
    )


def _cell(cell: Cell) -> str:
    mark = OWN if cell.own_judge else ""
    return f"<td>{shown(cell.middle.value)}{mark}{_interval(cell.middle)}</td>"


def _interval(one: Middle) -> str:
    if one.low != one.low:
        return ""
    return f"<br><small>{shown(one.low)} – {shown(one.high)}</small>"


def _charts(summary: Summary) -> str:
    judges = list(dict.fromkeys(line.score.judge for line in summary.lines if line.score.judge))
    charts = [_chart(summary, judge) for judge in judges]
    if not any(charts):
        return ""
    note = (
        "<p>Further left, more of the content is there; further down, the style is nearer: the lower left corner is "
        "where all want to be. Faint lines are intervals; strengths of one method are joined, and the last carries its "
        "name.</p>"
    )
    return f'<div class="charts">{"".join(charts)}</div>{note}'


def _chart(summary: Summary, judge: str) -> str:
    across, up = summary.line(f"content_{judge}"), summary.line(f"moments_{judge}")
    if across is None or up is None:
        return ""
    points = [
        Point(
            one.name + (OWN if x.own_judge else ""),
            x.middle.value,
            y.middle.value,
            (x.middle.low, x.middle.high),
            (y.middle.low, y.middle.high),
            one.curve,
        )
        for one, x, y in zip(summary.methods, across.cells, up.cells, strict=True)
    ]
    return scatter(f"as {judge} sees it", ("distance to the content", "distance to the style (moments)"), points)


def _differences(summary: Summary) -> str:
    columns = [i for i, one in enumerate(summary.methods) if one.name != summary.against]
    if not columns:
        return ""
    heads = "".join(f"<th scope=col>{escape(summary.methods[i].name)}</th>" for i in columns)
    lines = [line for line in summary.lines if not line.reason and any(line.cells[i].difference.count for i in columns)]
    body = "".join(
        f"<tr>{_head(line, told)}{''.join(_change(line.cells[i]) for i in columns)}</tr>" for line, told in _told(lines)
    )
    note = (
        f"<p>How much more each method has than {escape(summary.against)} on the same pair: the median over the pairs "
        "(the mean for rank and top1, the largest for kept). Bold where the interval leaves out 0.</p>"
    )
    table = f"<table><thead><tr><td></td>{heads}</tr></thead><tbody>{body}</tbody></table>"
    return f'{note}<div class="wide"><details><summary>the table</summary>{table}</details></div>'


def _change(cell: Cell) -> str:
    one = cell.difference
    if not one.count:
        return "<td>–</td>"
    text = f"{one.value:+.3f}" if abs(one.value) < 10 else f"{one.value:+.1f}"
    clear = one.low > 0 or one.high < 0
    return f"<td>{f'<strong>{text}</strong>' if clear else text}{_interval(one)}</td>"


def _grid(rows: Sequence[Row]) -> str:
    return "".join(_strip(row) for row in rows)


def _strip(row: Row) -> str:
    count = len(row.pictures)
    columns = count if count <= MOST_BESIDE else -(-count // -(-count // MOST_BESIDE))  # lines of about one length
    figures = "".join(_figure(title, pixels) for title, pixels in row.pictures.items())
    return f'<div class="example"><h3>{escape(row.caption)}</h3><div style="--columns:{columns}">{figures}</div></div>'


def _figure(title: str, pixels: Pixels) -> str:
    image = Image.fromarray(pixels)
    image.thumbnail((SIDE, SIDE))
    small = np.asarray(image)
    return (
        f'<figure><img src="{data_uri(small)}" alt="{escape(title)}" width="{small.shape[1]}" '
        f'height="{small.shape[0]}" loading="lazy"><figcaption>{escape(title)}</figcaption></figure>'
    )


def _meanings() -> str:
    return "".join(f"<p><strong>{escape(name)}</strong> {escape(text)}</p>" for name, text in MEANINGS.items())
