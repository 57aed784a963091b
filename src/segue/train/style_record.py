"""What a style run writes while it trains: metrics.csv, metrics.jsonl, and samples.jpg, photos in each style."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from segue.console import duration
from segue.durable import write_text
from segue.style.network import Prepared, StyleNetwork, Wanted
from segue.style.picture import resized, size_within, write_picture
from segue.train.record import seconds_so_far
from segue.train.run_folder import METRICS
from segue.train.style_loop import StyleRow, StyleState

SAMPLES = "samples.jpg"
SIDE = 256  # pixels of a sample's longer side
MOST_COLUMNS = 8  # styles that are shown
GAP = 8  # white pixels between samples
_log = logging.getLogger("segue")


@dataclass
class StyleRecorder:
    """Rewrites the whole record each time, so that a resumed run leaves the files of an uninterrupted one."""

    folder: Path
    samples: Callable[[], Tensor]
    _seconds: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take over the clock of earlier sittings."""
        self._seconds = seconds_so_far(self.folder / METRICS)

    def write(self, state: StyleState) -> None:
        """Write everything up to the state's last record."""
        row = state.history[-1]
        self._seconds[row.step] = state.seconds
        rows = [flat(one) for one in state.history]
        write_text(self.folder / "metrics.csv", to_csv(rows))
        timed = ({**one, "seconds": self._seconds.get(int(one["step"]))} for one in rows)
        write_text(self.folder / METRICS, "".join(json.dumps(one) + "\n" for one in timed))
        write_picture(self.folder / SAMPLES, self.samples())
        parts = ", ".join(f"{name} {value:.3g}" for name, value in row.losses.items())
        _log.info("step %d of %d: %s, %s so far", row.step, state.total_steps, parts, duration(state.seconds))


def flat(row: StyleRow) -> dict[str, float]:
    """One record as a flat one."""
    losses = {f"loss/{name}": value for name, value in row.losses.items()}
    return {"step": row.step, "images": row.images, "lr": row.lr, "loss": sum(row.losses.values()), **losses}


def to_csv(rows: Sequence[dict[str, float]]) -> str:
    """All records as CSV; full float precision, so equal runs give equal bytes. No clock: that is in the jsonl."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def small_sample(photo: Tensor) -> Tensor:
    """A photo at the size it is shown, which is all that is kept of it while a run goes on."""
    return resized(photo, size_within(photo.shape[2], photo.shape[3], min(SIDE, max(photo.shape[2:]))))


def sample_sheet(network: StyleNetwork, photos: Sequence[Tensor], styles: Sequence[Prepared]) -> Tensor:
    """A picture with a row for each photo of `small_sample`: the photo, then painted in each style, on white."""
    with torch.inference_mode():
        rows = []
        for photo in photos:
            rows.append([photo.cpu(), *(network.stylise(photo, style).float().cpu() for style in styles)])
    heights, widths = [row[0].shape[2] for row in rows], [row[0].shape[3] for row in rows]
    height = sum(heights) + GAP * (len(rows) - 1)
    width = max(len(row) * (wide + GAP) - GAP for row, wide in zip(rows, widths, strict=True))
    sheet = torch.ones(1, 3, height, width)
    top = 0
    for row in rows:
        for column, picture in enumerate(row):
            left = column * (picture.shape[3] + GAP)
            sheet[:, :, top : top + picture.shape[2], left : left + picture.shape[3]] = picture
        top += row[0].shape[2] + GAP
    return sheet


def shown(network: StyleNetwork, rows: Sequence[int]) -> list[Prepared]:
    """Those of the styles a network learns that fit onto the sheet, as they are at this moment."""
    return [network.prepared([Wanted(row=row)]) for row in rows[:MOST_COLUMNS]]
