"""Resume points: one safetensors file each, written durably, checksummed in a manifest, two kept and the best weights.

They are there while a run goes on; when its report is written, they are removed.

No pickle is involved: tensors are safetensors, the rest is JSON in its header.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from segue.durable import sha256_of, write_durably, write_text
from segue.errors import RunError

KEPT = 2
_log = logging.getLogger("segue")


@dataclass(frozen=True)
class Checkpoint:
    """A resume point read back: named tensors and the JSON state that goes with them."""

    path: Path
    tensors: dict[str, Tensor]
    state: dict[str, Any]


def save_tensors(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write tensors and JSON state to one safetensors file, durably."""
    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    size = sum(tensor.numel() * tensor.element_size() for tensor in flat.values())
    metadata = {"state": json.dumps(state)}
    write_durably(path, lambda temporary: _save_file(flat, temporary, metadata), size)


def _save_file(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    try:
        save_file(tensors, path, metadata)
    except SafetensorError as error:
        code = re.search(r"os error (\d+)", str(error))  # the library hides the system's error in its text
        if code is None:
            raise
        raise OSError(int(code[1]), os.strerror(int(code[1]))) from error


def save_checkpoint(
    folder: Path, step: int, best_step: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any]
) -> Path:
    """Add the resume point of `step`, enter it in the manifest, and drop those that are no longer needed.

    `best_step` is the step whose averaged weights (`best_path`) must outlive this resume point, 0 when there are none.

    A file counts only once the manifest holds its checksum, so a process killed in between leaves the previous resume
    point in force.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries = read_manifest(folder)
    path = _unused(folder, step, {entry["file"] for entry in entries})
    save_tensors(path, tensors, state)
    entries = [entry for entry in entries if entry["step"] != step]
    best_sha256 = sha256_of(best_path(folder, best_step)) if best_step else None
    entry = {"file": path.name, "step": step, "sha256": sha256_of(path), "best": best_step, "best_sha256": best_sha256}
    entries.append(entry)
    entries = sorted(entries, key=lambda entry: entry["step"])[-KEPT:]
    write_text(folder / "manifest.json", json.dumps(entries, indent=1))
    _drop_unneeded(folder, entries)
    return path


def _unused(folder: Path, step: int, taken: set[str]) -> Path:
    # a file the manifest vouches for is never written over, not even by a newer save of the same step
    names = (f"step-{step:08d}{suffix}.safetensors" for suffix in ("", *(f"-{n}" for n in range(1, KEPT + 1))))
    return folder / next(name for name in names if name not in taken)


def best_path(folder: Path, step: int) -> Path:
    """Where the averaged weights of the best validation, reached at `step`, are kept."""
    return folder / f"best-{step:08d}.safetensors"


def _drop_unneeded(folder: Path, entries: list[dict[str, Any]]) -> None:
    needed = {entry["file"] for entry in entries} | {best_path(folder, entry["best"]).name for entry in entries}
    for path in folder.glob("*.safetensors"):
        if path.name not in needed:
            path.unlink(missing_ok=True)
    for leftover in folder.glob(".*.tmp"):  # of a process that was killed while writing
        leftover.unlink(missing_ok=True)


def remove_checkpoints(folder: Path) -> None:
    """Remove all resume points, for a run that needs them no more; files that are not ours stay.

    The manifest goes last: a process killed in between leaves one that names files that are missing, never files that
    nothing names.
    """
    for path in (*folder.glob("*.safetensors"), *folder.glob(".*.tmp"), folder / "manifest.json"):
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # it holds somebody's file, or was never there
        folder.rmdir()


def read_manifest(folder: Path) -> list[dict[str, Any]]:
    """The entries of the manifest, oldest first; empty when there is none."""
    path = folder / "manifest.json"
    if not path.is_file():
        return []
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return [{key: entry[key] for key in ("file", "step", "sha256", "best", "best_sha256")} for entry in entries]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        raise RunError(f"{path}: expected the list of resume points, got a damaged file: start a new run") from None


def load_newest(folder: Path, anew: str = "segue fit DATA") -> Checkpoint:
    """The newest resume point whose bytes are what was written; damaged ones are named and passed over.

    Raises `RunError` when there is none, which ends with the command that starts `anew`.
    """
    for entry in reversed(read_manifest(folder)):
        path = folder / entry["file"]
        needed = [(path, entry["sha256"])]
        if entry["best"]:
            needed.append((best_path(folder, entry["best"]), entry["best_sha256"]))
        damaged = [file for file, digest in needed if not file.is_file() or sha256_of(file) != digest]
        if damaged:
            _log.warning("%s is missing or damaged (its checksum differs): falling back to the one before", damaged[0])
            continue
        tensors, state = load_tensors(path)
        return Checkpoint(path, tensors, state)
    raise RunError(f"{folder}: expected a resume point, found none that is intact: start a new run with {anew}")


def load_best(folder: Path) -> dict[str, Tensor]:
    """The averaged weights of the best validation, as the newest resume point vouches for them."""
    entries = read_manifest(folder)
    if not entries or not entries[-1]["best"]:
        raise RunError(f"{folder}: expected the weights of a validated model, found none: start a new run")
    path = best_path(folder, entries[-1]["best"])
    if not path.is_file() or sha256_of(path) != entries[-1]["best_sha256"]:
        raise RunError(f"{path}: is missing or damaged (its checksum differs): segue fit --resume trains it again")
    return load_tensors(path)[0]


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and JSON state of a file written by `save_tensors`."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    return tensors, json.loads(metadata.get("state", "{}"))
