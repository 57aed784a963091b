"""Line charts as inline SVG, coloured by the page's style sheet, so they follow its light and dark themes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 360, 220
LEFT, RIGHT, TOP, BOTTOM = 54, 22, 12, 30
SERIES = 6  # line colours in the style sheet


@dataclass(frozen=True)
class Line:
    """A named series of (x, y); points that are not finite are left out."""

    name: str
    points: tuple[tuple[float, float], ...]


def line_chart(title: str, lines: Sequence[Line], mark: tuple[float, float] | None = None) -> str:
    """A chart with axes, a legend where there is more than one line, and a ring at `mark`."""
    lines = [Line(one.name, tuple(p for p in one.points if math.isfinite(p[1]))) for one in lines]
    points = [point for one in lines for point in one.points]
    if not points:
        return ""
    xs, ys = ticks([x for x, _ in points], 4), ticks([y for _, y in points], 5)
    frame = _Frame(xs[0], max(x for x, _ in points), ys[0], ys[-1])
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        *(_horizontal(frame, y) for y in ys),
        *(_label(frame, x) for x in xs),
        *(_curve(frame, one, i) for i, one in enumerate(lines)),
    ]
    if mark is not None:
        parts.append(f'<circle class="mark" cx="{frame.x(mark[0]):.1f}" cy="{frame.y(mark[1]):.1f}" r="5"/>')
    legend = "".join(f'<span class="key s{i % SERIES}">{escape(one.name)}</span>' for i, one in enumerate(lines))
    caption = f'<figcaption>{escape(title)}<span class="legend">{legend if len(lines) > 1 else ""}</span></figcaption>'
    return f'<figure class="chart">{caption}{"".join(parts)}</svg></figure>'


def ticks(values: Sequence[float], count: int) -> list[float]:
    """About `count` round numbers that enclose `values`.

    >>> ticks([0.12, 0.68], 5)
    [0.0, 0.2, 0.4, 0.6, 0.8]
    """
    low, high = min(values), max(values)
    span = (high - low) or abs(high) or 1.0
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, max(last, first + 1) + 1)]


@dataclass(frozen=True)
class _Frame:
    """From data to the picture's coordinates."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float

    def x(self, value: float) -> float:
        span = (self.x_high - self.x_low) or 1.0  # a run of one validation at step 0 is a single point
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - self.x_low) / span

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - self.y_low) / (self.y_high - self.y_low)


def _horizontal(frame: _Frame, value: float) -> str:
    y = frame.y(value)
    line = f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return f'{line}<text class="tick" x="{LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{_written(value)}</text>'


def _written(value: float) -> str:
    """A number in about seven characters, all that fit beside the axis: 0.0025, but 2.5e-4."""
    text = f"{value:g}"
    if len(text) <= 6 and "e" not in text:
        return text
    digits, _, power = f"{value:.3e}".partition("e")
    return f"{float(digits):g}e{int(power)}"


def _label(frame: _Frame, value: float) -> str:
    if value > frame.x_high:
        return ""
    x = frame.x(value)
    return f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 10}" text-anchor="middle">{_written(value)}</text>'


def _curve(frame: _Frame, line: Line, index: int) -> str:
    path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in line.points)
    dots = "".join(
        f'<circle cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="2.2"><title>step {x:g}: {y:.4g}</title></circle>'
        for x, y in line.points
    )
    return f'<g class="line s{index % SERIES}"><polyline points="{path}"/>{dots}</g>'
