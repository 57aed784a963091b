"""The run folder: a contract other tools read, created once, never overwritten."""

from __future__ import annotations

from pathlib import Path

from segue.errors import RunError, RunTakenError

CONFIG = "config.yaml"
DATA = "data.json"
ENVIRONMENT = "environment.json"
LOADED = "weights.json"
CHECKPOINTS = "checkpoints"
MODEL = "model"


def create_run_folder(out: Path | None, data_name: str) -> Path:
    """Make the run folder: `out`, or the first free `runs/<data>-<n>`.

    Raises `RunTakenError` when `out` already holds something and `RunError` when it cannot be made.
    """
    try:
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            require_empty(out)
            probe = out / ".lock"
            probe.touch()
            return out
        number = 1
        while True:
            folder = Path("runs") / f"{data_name or 'data'}-{number}"
            try:
                folder.mkdir(parents=True)
                return folder
            except FileExistsError:
                number += 1
    except OSError as error:
        where = out or Path("runs")
        raise RunError(
            f"{where}: expected a folder that can be written, got {error.strerror}: use another --out"
        ) from None


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
