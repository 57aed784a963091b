"""The run folder: a contract other tools read, created once, never overwritten."""

from __future__ import annotations

from pathlib import Path

from segue.durable import make_folder, make_numbered
from segue.errors import RunError, RunTakenError

CONFIG = "config.yaml"
DATA = "data.json"
SPLIT = "split.json"
PLAN = "plan.yaml"
ENVIRONMENT = "environment.json"
LOADED = "weights.json"
CHECKPOINTS = "checkpoints"
MODEL = "model"
INTERPOLATION = "interpolation.json"
METRICS = "metrics.jsonl"
EVALUATION = "evaluation.json"
REPORT = "report.html"
FOLDS = "folds"  # of a cross-validation: a run folder for each
FOLD_OF = "folds.json"


def create_run_folder(out: Path | None, data_name: str) -> Path:
    """Make the run folder: `out`, or the first free `runs/<data>-<n>`.

    Raises `RunTakenError` when `out` already holds something and `RunError` when it cannot be made.
    """
    if out is None:
        return make_numbered(Path("runs") / (data_name or "data"))
    make_folder(out)
    require_empty(out)
    return out


def fold_folders(folder: Path, count: int) -> list[Path]:
    """The run folders of the folds of a cross-validation, in order."""
    return [folder / FOLDS / f"fold-{fold}" for fold in range(1, count + 1)]


def require_empty(folder: Path) -> None:
    """Refuse a folder that holds anything but the lock."""
    held = sorted(path.name for path in folder.iterdir() if path.name != ".lock")
    if CONFIG in held:
        raise RunTakenError(
            f"{folder}: expected a new folder, it holds a run: continue it with --resume, or use another --out"
        )
    if held:
        raise RunTakenError(f"{folder}: expected a new or empty folder, it holds {held[0]}: use another --out")


def require_run(folder: Path) -> None:
    """Refuse a folder that holds no run."""
    missing = [name for name in (CONFIG, DATA) if not (folder / name).is_file()]
    if missing:
        raise RunError(f"{folder}: expected a run folder, it has no {missing[0]}: give the folder a segue fit wrote")


def is_complete(folder: Path) -> bool:
    """Whether the run has nothing left to do: its report, the last file of all, is written.

    A run that has its model and no resume points is complete, too: they are removed after the report, which somebody
    may have removed since.
    """
    points = (folder / CHECKPOINTS / "manifest.json").is_file()
    stopped = points or (folder / FOLDS).is_dir()  # folds leave no resume points beside their common model
    return (folder / REPORT).is_file() or ((folder / MODEL).is_dir() and not stopped)
