"""Plots as PNG files, drawn with matplotlib's objects: no global state, no display, no font of the user's needed."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from segue.durable import write_durably
from segue.metrics.confusion import ratio
from segue.train.state import Row

INK, ACCENT, MUTED = "#1f2933", "#0b6e99", "#c05621"
DPI = 120
LABEL = 24  # characters of a class name


def save_progress(path: Path, history: Sequence[Row]) -> None:
    """Draw loss, validation mIoU and learning rate over the steps of a run."""
    figure = Figure(figsize=(12, 3.6), dpi=DPI, layout="constrained")
    loss, miou, rate = figure.subplots(1, 3)
    steps = [row.step for row in history]
    trained = [row for row in history if row.losses]  # a validation before the first step has no loss
    for name in _terms(trained):
        values = [row.losses.get(name, float("nan")) for row in trained]
        loss.plot([row.step for row in trained], values, marker=".", linewidth=1.4, label=name)
    if trained:
        _plainly(loss.legend(frameon=False).get_texts())
    miou.plot(steps, [row.miou for row in history], marker=".", color=ACCENT, linewidth=1.6)
    rate.plot(steps, [row.lr for row in history], color=MUTED, linewidth=1.6)
    for axes, title in ((loss, "training loss"), (miou, "validation mIoU"), (rate, "learning rate")):
        axes.set_title(title, loc="left", fontsize=11, color=INK)
        axes.set_xlabel("step")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    _save(path, figure)


def save_confusion(path: Path, matrix: Int64[np.ndarray, "classes classes"], names: Sequence[str]) -> None:
    """Draw the confusion matrix with every row (true class) divided by its sum; a class without pixels is blank."""
    count = len(names)
    side = min(24.0, 3.5 + 0.5 * count)
    figure = Figure(figsize=(side, side * 0.9), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    shares = row_shares(matrix)
    image = axes.imshow(np.nan_to_num(shares), cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, shrink=0.8, label="share of the true class")
    labels = [_short(name) for name in names]
    axes.set_xticks(range(count), labels, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(count), labels)
    _plainly([*axes.get_xticklabels(), *axes.get_yticklabels()])
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if count <= 30:  # past that the figures are too small to read
        for row, column in np.argwhere(np.nan_to_num(shares) >= 0.005):
            share = shares[row, column]
            ink = "white" if share > 0.5 else INK
            axes.text(column, row, f"{share:.2f}".lstrip("0"), ha="center", va="center", fontsize=8, color=ink)
    _save(path, figure)


def save_rate_curve(
    path: Path, rates: Sequence[float], losses: Sequence[float], smooth: Sequence[float], marks: dict[str, float]
) -> None:
    """Draw the losses of a range test over the learning rate, with a line at every rate in `marks`."""
    figure = Figure(figsize=(7, 4), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    axes.plot(rates, losses, ".", color=ACCENT, alpha=0.35, label="loss of the step")
    axes.plot(rates[: len(smooth)], smooth, color=ACCENT, linewidth=1.8, label="smoothed")
    for (name, rate), colour in zip(marks.items(), (MUTED, INK, "#7b8794"), strict=False):
        axes.axvline(rate, color=colour, linewidth=1.2, linestyle="--", label=f"{name} {rate:.2g}")
    axes.set_xscale("log")
    low, high = min(smooth), max(smooth)
    axes.set_ylim(low - 0.1 * (high - low) - 1e-6, high + 0.25 * (high - low) + 1e-6)
    axes.set_xlabel("learning rate of the decoder")
    axes.set_title("training loss", loc="left", fontsize=11, color=INK)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    _save(path, figure)


def row_shares(matrix: Int64[np.ndarray, "classes classes"]) -> np.ndarray:
    """Every row divided by its sum, NaN where a class has no pixel."""
    return ratio(matrix, np.broadcast_to(matrix.sum(axis=1, keepdims=True), matrix.shape))


def _terms(history: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in history for name in row.losses))


def _short(name: str) -> str:
    """One line that leaves room for the matrix; the report has the names in full."""
    line = " ".join(name.split())
    return line if len(line) <= LABEL else line[: LABEL - 1] + "…"


def _plainly(texts: Sequence[Any]) -> None:
    """Class names are the user's: a dollar sign in one is no formula."""
    for text in texts:
        text.set_parse_math(False)


def _save(path: Path, figure: Figure) -> None:
    canvas = FigureCanvasAgg(figure)

    def write(temporary: Path) -> None:
        with warnings.catch_warnings():
            # a class name in a script the bundled font lacks is drawn as boxes; the report shows it in full
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            canvas.print_png(str(temporary), metadata={"Software": None})

    write_durably(path, write)
