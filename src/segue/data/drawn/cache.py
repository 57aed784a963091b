"""Where drawn masks are kept: one folder per set of annotations, named by a hash of what they say and of the drawing.

    $SEGUE_CACHE/drawn/<hash>/<sample id>.png       and <sample id>.json where something was wrong with the annotation

A mask is written under a temporary name and then renamed, so whatever has its name is whole; one that a power failure
cut short is recognised by its end and drawn again. Two processes may draw the same set: both write the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from segue.data.doctor.codes import problem
from segue.data.index import Problem
from segue.data.palettes import whole_palette
from segue.data.parallel import in_order
from segue.data.published import Colour
from segue.errors import DataError

DRAWING = 1  # raised whenever the same annotations would be drawn differently
_PNG_END = b"IEND\xaeB`\x82"
_SAID_EVERY = 10.0  # seconds between two lines on how far the drawing is

_LOG = logging.getLogger("segue")
Ids = UInt8[np.ndarray, "height width"]


@dataclass(frozen=True)
class Drawing:
    """One mask: its class ids, and findings about the annotation as (code, message)."""

    ids: Ids
    findings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Job:
    """A mask to be drawn: the sample's id, its image, and what draws it (called in a thread)."""

    id: str
    image: Path
    draw: Callable[[], Drawing]


def cache_folder() -> Path:
    """`$SEGUE_CACHE`, or `segue` in the place the system has for caches."""
    if told := os.environ.get("SEGUE_CACHE"):
        return Path(told)
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "segue" / "cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "segue"
    return Path(os.environ.get("XDG_CACHE_HOME", home / ".cache")) / "segue"


def drawn_folder(parts: Iterable[bytes]) -> Path:
    """The folder for masks drawn from annotations with this content; each part counts on its own."""
    digest = hashlib.sha256(f"drawing {DRAWING}".encode())
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return cache_folder() / "drawn" / digest.hexdigest()


def draw_missing(folder: Path, jobs: Sequence[Job], palette: Sequence[Colour], what: str) -> list[Problem]:
    """Draw the masks that are not there yet; returns the findings about all of `jobs`, also of those drawn before.

    Args:
        folder: as `drawn_folder` names it.
        jobs: what to draw; a job that raises `DataError` with the code of a finding leaves no mask.
        palette: colours of the class ids, for viewers.
        what: named in the log.

    Raises:
        DataError: the masks cannot be written.
    """
    missing = [job for job in jobs if not is_whole(mask_path(folder, job.id))]
    if missing:
        _LOG.info("drawing %d masks of %s (once: they are kept in %s)", len(missing), what, folder)
    said, flat = time.monotonic(), whole_palette(palette)
    try:
        for number, _ in enumerate(in_order(lambda job: _draw(folder, job, flat), missing), 1):
            if time.monotonic() - said > _SAID_EVERY:
                said = time.monotonic()
                _LOG.info("drew %d of %d masks", number, len(missing))
    except OSError as error:
        raise DataError(
            f"{folder}: cannot keep drawn masks here ({error.strerror or error}); set SEGUE_CACHE to a folder with room"
        ) from None
    return [found for job in jobs for found in _findings(folder, job)]


def mask_path(folder: Path, sample_id: str) -> Path:
    """Where the mask of a sample is kept."""
    return folder / f"{sample_id}.png"


def is_drawn(path: Path) -> bool:
    """Whether a path is one of a drawn mask, there or not."""
    return path.is_relative_to(cache_folder().resolve() / "drawn")


def is_whole(path: Path) -> bool:
    """Whether a PNG is there with its end."""
    try:
        with path.open("rb") as file:
            file.seek(-len(_PNG_END), os.SEEK_END)
            return file.read() == _PNG_END
    except OSError:  # no such file, or shorter than any PNG
        return False


def _draw(folder: Path, job: Job, palette: list[int]) -> None:
    path = mask_path(folder, job.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        drawing = job.draw()
    except BrokenAnnotationError as broken:
        _keep_findings(folder, job.id, ((broken.code, str(broken)),))
        return
    _keep_findings(folder, job.id, drawing.findings)
    picture = Image.fromarray(drawing.ids)
    picture.putpalette(palette)
    _replace(path, lambda temporary: picture.save(temporary, "PNG"))


class BrokenAnnotationError(Exception):
    """An annotation that no mask can be drawn from; `code` is the doctor's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _keep_findings(folder: Path, sample_id: str, findings: Sequence[tuple[str, str]]) -> None:
    path = folder / f"{sample_id}.json"
    if findings:
        text = json.dumps(findings)
        _replace(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    else:
        path.unlink(missing_ok=True)


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _findings(folder: Path, job: Job) -> list[Problem]:
    path = folder / f"{job.id}.json"
    if not path.exists():
        return []
    return [problem(code, job.image, message) for code, message in json.loads(path.read_text(encoding="utf-8"))]
