"""Files that are either the old version or the new one, never half of each, whatever interrupts the write."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from segue.errors import RunError

LONGEST = 200  # bytes of a name that the temporary one repeats; systems take 255, and it has some more


def write_durably(path: Path, write: Callable[[Path], None], expected_bytes: int = 0) -> None:
    """Let `write` fill a temporary file beside `path`, sync it, and put it in place in one step.

    The temporary file lies in the same folder, since a rename is atomic only within one file system. A full disk or a
    folder that may not be written leaves the old file as it was and raises `RunError`.
    """
    repeated = os.fsdecode(os.fsencode(path.name)[:LONGEST])
    temporary = path.with_name(f".{repeated}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise RunError(_explain(error, path, expected_bytes)) from error
    finally:
        with contextlib.suppress(OSError):  # a name too long to be made is too long to be removed, too
            temporary.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_folder(folder: Path) -> None:
    """Make a folder and those above it where they do not exist; raises `RunError` when it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_folder(folder, error) from None


def make_numbered(base: Path, first: int = 1) -> Path:
    """Make the first of `base-1`, `base-2`, ... that does not exist; raises `RunError` when it cannot be made."""
    number = first
    while True:
        folder = base.with_name(f"{base.name}-{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            number += 1
        except OSError as error:
            raise _no_folder(folder, error) from None


def _no_folder(folder: Path, error: OSError) -> RunError:
    return RunError(f"{folder}: expected a folder that can be written, got {error.strerror}: use another --out")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text durably."""
    write_durably(path, lambda temporary: _write(temporary, text), len(text))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder; its rename is journalled
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _explain(error: OSError, path: Path, expected_bytes: int) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = shutil.disk_usage(path.parent).free
        return (
            f"{path}: expected room for {expected_bytes / 1e6:.1f} MB, got {free / 1e6:.1f} MB free: "
            "the previous file is untouched; free some space and resume"
        )
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return f"{path}: expected a folder that can be written, got {error.strerror}: check its permissions"
    return f"{path}: could not be written: {error.strerror or error}"
