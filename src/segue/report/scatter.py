"""Points with names in a plane as inline SVG, some joined to curves, coloured by the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from segue.report.charts import SERIES, ticks
from segue.report.escaping import escape

WIDTH, HEIGHT = 460, 330
LEFT, RIGHT, TOP, BOTTOM = 50, 70, 12, 44
LETTER = 6  # pixels, about
APART = 11  # pixels between two names, one above the other


@dataclass(frozen=True)
class Point:
    """A named place with the ends of its intervals, which may be NaN.

    Points of one `curve` are joined in their order; the last of them shows its name and its intervals for all.
    """

    name: str
    x: float
    y: float
    across: tuple[float, float]
    up: tuple[float, float]
    curve: str = ""


def scatter(title: str, axes: tuple[str, str], points: Sequence[Point]) -> str:
    """A chart of the points that are finite; "" without any."""
    points = [point for point in points if math.isfinite(point.x) and math.isfinite(point.y)]
    if not points:
        return ""
    frame = _Frame(ticks([0.0, *_all(points, across=True)], 5), ticks([0.0, *_all(points, across=False)], 5))
    colours = {key: i for i, key in enumerate(dict.fromkeys(point.curve or point.name for point in points))}
    last = {point.curve or point.name: point for point in points}
    named = list(last.values())
    places = _labels([(point.name, frame.x(point.x), frame.y(point.y)) for point in named])
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        *(frame.vertical(x) for x in frame.xs),
        *(frame.horizontal(y) for y in frame.ys),
        f'<text class="tick" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">'
        f"{escape(axes[0])}</text>",
        f'<text class="tick" transform="translate(11 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" '
        f'text-anchor="middle">{escape(axes[1])}</text>',
        *(_curve(frame, [p for p in points if p.curve == key], i) for key, i in colours.items()),
        *(_whiskers(frame, point, colours[key]) for key, point in last.items()),
        *(_dot(frame, point, colours[point.curve or point.name]) for point in points),
        *(
            f'<text class="tick" x="{x:.1f}" y="{y:.1f}">{escape(point.name)}</text>'
            for point, (x, y) in zip(named, places, strict=True)
        ),
    ]
    return f'<figure class="chart"><figcaption>{escape(title)}</figcaption>{"".join(parts)}</svg></figure>'


@dataclass(frozen=True)
class _Frame:
    """From data to the picture's coordinates; the axes end with their first and last mark."""

    xs: list[float]
    ys: list[float]

    def x(self, value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - self.xs[0]) / (self.xs[-1] - self.xs[0])

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - self.ys[0]) / (self.ys[-1] - self.ys[0])

    def vertical(self, value: float) -> str:
        x = self.x(value)
        line = f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        return f'{line}<text class="tick" x="{x:.1f}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">{value:g}</text>'

    def horizontal(self, value: float) -> str:
        y = self.y(value)
        line = f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        return f'{line}<text class="tick" x="{LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{value:g}</text>'


def _all(points: Sequence[Point], *, across: bool) -> list[float]:
    """Every coordinate along one axis, the ends of intervals among them."""
    values = [value for p in points for value in ((p.x, *p.across) if across else (p.y, *p.up)) if math.isfinite(value)]
    return values


def _curve(frame: _Frame, points: Sequence[Point], index: int) -> str:
    if len(points) < 2:
        return ""
    path = " ".join(f"{frame.x(point.x):.1f},{frame.y(point.y):.1f}" for point in points)
    return f'<g class="line s{index % SERIES}"><polyline points="{path}"/></g>'


def _whiskers(frame: _Frame, point: Point, index: int) -> str:
    if not all(map(math.isfinite, (*point.across, *point.up))):
        return ""
    x, y = frame.x(point.x), frame.y(point.y)
    left, right, low, high = *map(frame.x, point.across), *map(frame.y, point.up)
    lines = f"{left:.1f},{y:.1f} {right:.1f},{y:.1f}", f"{x:.1f},{low:.1f} {x:.1f},{high:.1f}"
    drawn = "".join(f'<polyline points="{line}"/>' for line in lines)
    return f'<g class="line s{index % SERIES}" opacity=".35">{drawn}</g>'


def _dot(frame: _Frame, point: Point, index: int) -> str:
    place = f'cx="{frame.x(point.x):.1f}" cy="{frame.y(point.y):.1f}" r="3.6"'
    return f'<g class="line s{index % SERIES}"><circle {place}><title>{escape(point.name)}</title></circle></g>'


def _labels(points: Sequence[tuple[str, float, float]]) -> list[tuple[float, float]]:
    """Beside each named point, moved up or down where it would stand on another name."""
    taken: list[tuple[float, float, float]] = []  # left, right and baseline
    for name, x, y in points:
        left, right, base = x + 6, x + 6 + LETTER * len(name), y - 5
        for move in (0, 1, -1, 2, -2, 3, -3):
            base = y - 5 + move * APART
            if all(right < one or left > other or abs(base - there) >= APART for one, other, there in taken):
                break
        taken.append((left, right, base))
    return [(left, base) for left, _, base in taken]
