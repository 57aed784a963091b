"""From the scores of single pictures to a table of methods: medians, intervals, differences, and what not to trust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segue.metrics.confusion import number
from segue.style.evaluation.intervals import Draws, Middle, middle, pigeonhole
from segue.style.evaluation.lpips import BACKBONE
from segue.style.evaluation.measures import Score, ranks_baselines
from segue.style.evaluation.naming import Pair

Values = Mapping[tuple[str, Pair], Mapping[str, float]]  # by method and pair, then by `Score.key`


@dataclass(frozen=True)
class Judged:
    """A method as the table shows it: `own_judges` are networks it was painted with, which judge it all the same."""

    name: str
    about: str
    own_judges: tuple[str, ...] = ()
    curve: str = ""


@dataclass(frozen=True)
class Cell:
    """A method's score; `difference` is how much more it is than that of the method compared with, pair by pair.

    `own_judge` says that a network gave it that the method was painted with.
    """

    middle: Middle
    difference: Middle
    own_judge: bool


@dataclass(frozen=True)
class Line:
    """A score of every method, in their order.

    `reason` says why nothing was computed, "" where something was. `ranks` is whether baselines stand in the order they
    must, None where too few of them were judged or there is no such order.
    """

    score: Score
    cells: tuple[Cell, ...]
    reason: str
    ranks: bool | None


@dataclass(frozen=True)
class Summary:
    """The whole table.

    `against` is the method that the others are compared with, `styles` are how many the right one was looked for among,
    `caution` is about the intervals.
    """

    methods: tuple[Judged, ...]
    lines: tuple[Line, ...]
    against: str
    pairs: tuple[Pair, ...]
    styles: int
    caution: str

    def line(self, key: str) -> Line | None:
        """The line of `Score.key`, None where nothing was computed."""
        return next((line for line in self.lines if line.score.key == key and not line.reason), None)

    def about_pairs(self) -> str:
        """How many pairs there are of what, in words."""
        contents, painted = (len({pair[side] for pair in self.pairs}) for side in (0, 1))
        among = "" if painted == self.styles else f" ({self.styles} to choose from in the retrieval)"
        return f"{len(self.pairs)} pairs of {contents} contents and {painted} styles{among}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; an undefined number is None."""
        return {
            "pairs": len(self.pairs),
            "contents": len({content for content, _ in self.pairs}),
            "styles": len({style for _, style in self.pairs}),
            "styles_to_choose_from": self.styles,
            "against": self.against,
            "interval_caution": self.caution or None,
            "methods": [
                {"name": one.name, "about": one.about, "own_judges": list(one.own_judges)} for one in self.methods
            ],
            "measures": [self._measure(line) for line in self.lines],
        }

    def _measure(self, line: Line) -> dict[str, Any]:
        measure = line.score.measure
        return {
            "key": line.score.key,
            "group": measure.group,
            "about": measure.about,
            "judge": line.score.judge or None,
            "better": "higher" if measure.higher_is_better else "lower",
            "summary": measure.summary,
            "not_computed": line.reason or None,
            "ranks_baselines": line.ranks,
            "methods": {
                method.name: _shown(cell.middle) | {"own_judge": cell.own_judge, "difference": _shown(cell.difference)}
                for method, cell in zip(self.methods, line.cells, strict=True)
                if cell.middle.count
            },
        }


def summarised(
    values: Values,
    methods: Sequence[Judged],
    scores: Sequence[Score],
    reasons: Mapping[str, str],
    *,
    against: str,
    styles: int,
    seed: int,
) -> Summary:
    """The table of what was scored.

    Args:
        values: every method has the same pairs.
        methods: in the order of the columns.
        scores: in the order of the lines.
        reasons: why a measure was not computed, by its name or by `Score.key`.
        against: the method that the others are compared with.
        styles: among how many the right one was looked for.
        seed: of the draws.
    """
    pairs = tuple(sorted({pair for _, pair in values}))
    drawn = pigeonhole([pair[0] for pair in pairs], [pair[1] for pair in pairs], seed)
    lines = []
    for score in scores:
        columns = {one.name: _column(values, one.name, pairs, score.key) for one in methods}
        judge = BACKBONE if score.measure.name == "lpips" else score.judge
        cells = tuple(_cell(columns, one, against, score, judge, drawn) for one in methods)
        reason = reasons.get(score.key) or reasons.get(score.measure.name, "")
        if not reason and not any(cell.middle.count for cell in cells):
            reason = "no method was scored by it"
        # what was painted with a judge ranks high by it whatever the measure is worth
        fair = [(one.name, cell) for one, cell in zip(methods, cells, strict=True) if not cell.own_judge]
        order = {name: cell.middle.value for name, cell in fair}
        lines.append(Line(score, cells, reason, None if reason else ranks_baselines(score, order)))
    return Summary(tuple(methods), tuple(lines), against, pairs, styles, drawn.caution)


def _column(values: Values, method: str, pairs: Sequence[Pair], key: str) -> np.ndarray:
    return np.array([values[method, pair].get(key, float("nan")) for pair in pairs])


def _cell(
    columns: Mapping[str, np.ndarray], method: Judged, against: str, score: Score, judge: str, drawn: Draws
) -> Cell:
    own = columns[method.name]
    summary = score.measure.summary
    change, found = middle(own - columns[against], drawn, summary), middle(own, drawn, summary)
    return Cell(found, change, bool(judge) and judge in method.own_judges and found.count > 0)


def _shown(one: Middle) -> dict[str, Any]:
    return {"value": number(one.value), "interval": [number(one.low), number(one.high)], "count": one.count}
