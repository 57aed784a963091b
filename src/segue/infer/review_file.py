"""`review.json` in the model folder: the thresholds at which classes are marked to be looked at."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from segue.durable import write_text
from segue.errors import RunError, UsageError
from segue.infer.maps import Mark
from segue.models.artifact import ModelInfo, model_folder
from segue.records import read_record
from segue.table import did_you_mean

FORMAT = 1
NAME = "review.json"


@dataclass(frozen=True)
class Threshold:
    """The threshold of one class, and what it rests on.

    A pixel is marked where the class has at least the probability `threshold`. Of a new image of the same kind at most
    `risk` of the class is missed on average; `units` ("images" or "groups") stand behind that, on which `missed` was
    missed. `images` have the class, `skipped` have none of it; `marked` is the share of all their pixels.
    """

    name: str
    risk: float
    threshold: float
    unit: str
    units: int
    images: int
    skipped: int
    missed: float
    marked: float


def save_thresholds(run: Path, info: ModelInfo, found: Sequence[Threshold]) -> Path:
    """Write thresholds into the model folder; those of other classes stay. Raises `RunError` as `write_text` does."""
    path = model_folder(run) / NAME
    names = {one.name for one in found}
    kept = [] if not path.is_file() else [row for row in _read(path, info) if row["name"] not in names]
    rows = [*kept, *(asdict(one) for one in found)]
    content = {"format": FORMAT, "temperature": info.temperature, "classes": rows}
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")
    return path


def load_mark(run: Path, info: ModelInfo, name: str) -> Mark:
    """What to mark for the class `name`.

    Raises:
        UsageError: the model has no such class.
        RunError: it has no threshold yet, or the file is damaged or belongs to another calibration.
    """
    if name not in info.classes.names:
        raise UsageError(f"review: unknown class {name!r}: {did_you_mean(name, list(info.classes.names))}")
    path = model_folder(run) / NAME
    rows = _read(path, info) if path.is_file() else []
    found = [row["threshold"] for row in rows if row["name"] == name]
    if not found:
        raise RunError(
            f"{path}: expected a threshold for {name}, got none: segue review {shlex.quote(str(run))} DATA --classes "
            f"{shlex.quote(name)}, with labelled images that it was not trained on"
        )
    return Mark(info.classes.names.index(name), found[0])


def _read(path: Path, info: ModelInfo) -> list[dict[str, Any]]:
    """The rows of a file; those of another temperature are refused, since they are about other probabilities."""
    content = read_record(path, "format", "temperature", "classes")
    if content["format"] != FORMAT:
        raise RunError(f"{path}: expected format {FORMAT}, got {content['format']!r}: use the Segue that wrote it")
    if content["temperature"] != info.temperature:
        raise RunError(
            f"{path}: expected thresholds for the temperature {info.temperature}, got some for "
            f"{content['temperature']}: the model was calibrated since; remove the file and run segue review again"
        )
    try:
        rows = [{**row, "name": str(row["name"]), "threshold": float(row["threshold"])} for row in content["classes"]]
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path}: expected thresholds by class, got a damaged file ({error}): remove it") from None
    if not all(math.isfinite(row["threshold"]) for row in rows):
        raise RunError(f"{path}: expected thresholds by class, got one that is no number: remove the file")
    return rows
