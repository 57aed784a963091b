"""What a run writes while it trains: metrics.csv, metrics.jsonl, progress.png, and TensorBoard events if installed."""

from __future__ import annotations

import csv
import io
import json
import logging
from pathlib import Path
from typing import Any

from segue.console import duration
from segue.durable import write_text
from segue.report.plots import save_progress
from segue.train.loop import Loop
from segue.train.run_folder import METRICS
from segue.train.state import Row, State

_log = logging.getLogger("segue")


class Recorder:
    """Rewrites the whole record at every validation, so that a resumed run leaves the files of an uninterrupted one."""

    def __init__(self, folder: Path, loop: Loop) -> None:
        self._folder = folder
        self._board = _tensorboard(folder, loop.state)
        self._seconds = seconds_so_far(folder / METRICS)

    def write(self, state: State) -> None:
        """Write everything up to the state's last validation."""
        row = state.history[-1]
        self._seconds[row.step] = state.seconds
        write_text(self._folder / "metrics.csv", to_csv(state.history))
        write_text(self._folder / METRICS, self._to_jsonl(state.history))
        _log.info(
            "step %d of %d: validation mIoU %.3f, training loss %.3f, %s so far",
            row.step,
            state.total_steps,
            row.miou,
            sum(row.losses.values()),
            duration(state.seconds),
        )
        save_progress(self._folder / "progress.png", state.history)
        if self._board is not None:
            _add(self._board, row)

    def _to_jsonl(self, history: list[Row]) -> str:
        rows = ({**flat(row), "seconds": self._seconds.get(row.step)} for row in history)
        return "".join(json.dumps(row) + "\n" for row in rows)


def flat(row: Row) -> dict[str, float | int | None]:
    """One validation as a flat record."""
    losses = {f"loss/{name}": value for name, value in row.losses.items()}
    classes = {f"iou/{name}": value for name, value in row.class_iou.items()}
    return {
        "step": row.step,
        "images": row.images,
        "lr": row.lr,
        "loss": sum(row.losses.values()),
        **losses,
        "val_miou": row.miou,
        "val_pixel_accuracy": row.pixel_accuracy,
        **classes,
    }


def to_csv(history: list[Row]) -> str:
    """All validations as CSV; full float precision, so equal runs give equal bytes. No clock: that is in the jsonl."""
    text = io.StringIO()
    rows = [flat(row) for row in history]
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def seconds_so_far(path: Path) -> dict[int, float]:
    """The wall clock at each validation, by step, from a metrics.jsonl; empty where there is none that can be read."""
    if not path.is_file():
        return {}
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return {row["step"]: row["seconds"] for row in rows}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # only the clock of earlier sittings is lost; the rest is in the resume point


def _tensorboard(folder: Path, state: State) -> Any:  # noqa: ANN401 - the writer's type exists only if installed
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "tensorboard"), purge_step=state.step + 1)


def _add(board: Any, row: Row) -> None:  # noqa: ANN401
    for name, value in flat(row).items():
        if value is not None and name != "step":
            board.add_scalar(name, value, row.step)
    board.flush()
