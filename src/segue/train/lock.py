"""One training process per run folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segue.errors import RunTakenError


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process; raises `RunTakenError` when another one does.

    A POSIX record lock, which belongs to the process alone: it ends with it, however it ends, and children do not
    inherit it (an flock would live on in them).
    """
    path = folder / ".lock"
    with path.open("a+") as file:
        try:
            _lock(file.fileno())
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise RunTakenError(
                f"{folder}: expected a free run folder, process {holder} trains in it: wait, or use another --out"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _lock(descriptor: int) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl

        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
