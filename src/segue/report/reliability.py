"""The reliability diagram: how often the network is right among pixels of which it is equally sure."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from segue.durable import write_durably
from segue.report.escaping import escape
from segue.report.meanings import linked
from segue.report.plots import ACCENT, DPI, INK, MUTED
from segue.trust.phrases import calibration_sentences

FEWEST = 0.0005  # share of the pixels below which a bin's point is left out: noise


def calibration_section(calibration: Mapping[str, Any]) -> str:
    """The section of the report: sentences, the diagram, how to read it; empty where nothing was measured."""
    said = calibration_sentences(calibration)
    if not said:
        return ""
    picture = base64.b64encode(_png(calibration)).decode("ascii")
    return (
        f"<p>{escape(said)} {linked('What this means.', 'calibration')}</p>"
        f'<p><img class="diagram" src="data:image/png;base64,{picture}" alt="reliability diagram" width="480"></p>'
        "<p>Points on the dashed line: as sure as right. Below it: too sure. The bars say how many pixels are that "
        "sure.</p>"
    )


def save_reliability(path: Path, calibration: Mapping[str, Any]) -> None:
    """Draw the diagram of `Calibration.summary()` as PNG."""
    content = _png(calibration)

    def write(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_durably(path, write, len(content))


def _png(calibration: Mapping[str, Any]) -> bytes:
    figure = Figure(figsize=(5.6, 5.6), dpi=DPI, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    above.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="--", alpha=0.6)
    series = [("before", "before", MUTED)]
    if calibration["after"]:
        series.append(("after", f"temperature {calibration['temperature']:.2f}", ACCENT))
    width = 1 / len(calibration["bins"]) / len(series)
    for place, (key, name, colour) in enumerate(series):
        shown = [(one, one[key]) for one in calibration["bins"] if one[key]["share"] >= FEWEST]
        label = f"{name}: ECE {calibration[key]['ece']:.3f}"
        points = [(point["confidence"], point["accuracy"]) for _, point in shown]
        above.plot(*zip(*points, strict=True), marker="o", markersize=4, color=colour, linewidth=1.6, label=label)
        lefts = [one["from"] + place * width for one, _ in shown]
        below.bar(lefts, [100 * point["share"] for _, point in shown], width * 0.9, align="edge", color=colour)
    above.legend(frameon=False, loc="upper left")
    above.set(xlim=(0, 1), ylim=(0, 1), ylabel="share that is right")
    above.set_title("is it as sure as it is right?", loc="left", fontsize=11, color=INK)
    below.set(xlabel="confidence: the probability of the class predicted", ylabel="pixels, %")
    for axes in (above, below):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()
