"""Paths as a user gives them, checked before the work: where they lead, and whether they can be written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from segue.errors import UsageError


def whole(path: Path) -> Path:
    """The absolute path with its symbolic links followed; links in a circle lead to themselves, and reading says so."""
    return Path(os.path.realpath(path))


def check_name(option: str, path: Path, longest: Path | None = None) -> None:
    """Raise `UsageError` where the system takes no such name, or not the `longest` of what is written beside it.

    What else keeps a file from being written there, as permissions of its folder, is said, too.
    """
    try:
        (longest or path).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        got = f"{str(path)[:80]} ({error.strerror})"
        raise UsageError(f"{option}: expected a name that the system takes, got {got}: choose another") from None


def require_writable(option: str, folder: Path) -> None:
    """Raise `UsageError` where no file can be made in a folder, which costs less before the work than after it.

    Of a folder that is yet to be made, the nearest one above it counts that is there.
    """
    there = next((one for one in (folder, *folder.parents) if os.path.lexists(one)), folder)
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise UsageError(
            f"{option}: expected a folder that can be written, got {folder} ({error.strerror}): choose another"
        ) from None
