"""A folder that is there with everything in it, or not there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segue.errors import DataError


@contextmanager
def appearing(out: Path, remedy: str) -> Iterator[Path]:
    """A folder to write to that takes the place of `out` when all is done; after an error or Ctrl-C nothing is left.

    Raises `DataError`, which ends in `remedy`, when the disk refuses, or `out` holds something by then.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            yield stage / "new"
            if out.exists():
                out.rmdir()
            (stage / "new").replace(out)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    except OSError as error:
        raise DataError(f"{out}: cannot be written ({error.strerror or error}); {remedy}") from None
