"""Listing the pictures below a folder: one `scandir` pass, no link out of the folder, no way to run in circles.

A folder is visited under its real name only, so a link to it adds nothing and a loop is harmless. A linked file counts
when its target lies below the root, as in data sets that build `train/` and `val/` from links.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from segue.data.index import Problem
from segue.data.opening import ENDINGS
from segue.errors import DataError

_GLANCED = 100  # files a glance into a folder takes in


@dataclass
class Listing:
    """Paths of pictures below `root`, sorted, with `/` between their parts, and the links that were left out."""

    root: Path
    files: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def pictures(root: Path, endings: tuple[str, ...] = ENDINGS) -> Listing:
    """List every file below `root` with one of `endings`, a picture's; hidden files and folders are skipped.

    Raises:
        DataError: `root` is not a folder or may not be read.
    """
    real, seen, pending = Path(os.path.realpath(root)), set[tuple[int, int]](), [""]
    listing = Listing(root)
    while pending:
        folder = pending.pop()
        for entry in _entries(root / folder, seen):
            name = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_symlink():
                listing.files += _linked(listing, entry, name, real, endings)
            elif entry.is_dir(follow_symlinks=False):
                pending.append(name)
            elif entry.name.lower().endswith(endings) and entry.is_file(follow_symlinks=False):
                listing.files.append(name)
    listing.files.sort()
    return listing


def first_file(folder: Path) -> str:
    """The name of a picture that lies in `folder` itself, the first of the few that are looked at; empty for none."""
    try:
        with os.scandir(folder) as entries:
            names = (entry.name for entry in entries if entry.name.lower().endswith(ENDINGS))
            return min(islice((name for name in names if not name.startswith(".")), _GLANCED), default="")
    except OSError:
        return ""


def _entries(folder: Path, seen: set[tuple[int, int]]) -> list[os.DirEntry[str]]:
    """What a folder holds, once: a bind mount can show the same folder at two places."""
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in seen:
            return []
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith((".", "__MACOSX"))]
    except OSError as error:
        raise DataError(f"{folder}: expected a folder that can be read, got: {error.strerror}") from error


def _linked(listing: Listing, entry: os.DirEntry[str], name: str, real: Path, endings: tuple[str, ...]) -> list[str]:
    """The name of a linked picture, or nothing and, where something is left out by that, a problem."""
    path = listing.root / name
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):  # dangling, or a link to itself (a RuntimeError before Python 3.13)
        if entry.name.lower().endswith(endings):
            listing.problems.append(_left_out("TREE_LINK_DANGLING", path, "the link leads nowhere"))
        return []
    if target.is_dir():
        if real.is_relative_to(target) or path.parent.resolve().is_relative_to(target):
            listing.problems.append(_left_out("TREE_LINK_LOOP", path, "the link leads back to a folder above it"))
        elif not target.is_relative_to(real):
            listing.problems.append(_left_out("TREE_LINK_OUTSIDE", path, f"the link leads out of {real.name}"))
        return []
    if not entry.name.lower().endswith(endings):
        return []
    if not target.is_relative_to(real):
        listing.problems.append(_left_out("TREE_LINK_OUTSIDE", path, f"the link leads out of {real.name}"))
        return []
    return [name] if target.is_file() else []


def _left_out(code: str, path: Path, message: str) -> Problem:
    remedy = "put the files themselves there, or remove the link"
    return Problem(code, "warning", path, f"{message}; it is not followed", remedy)
