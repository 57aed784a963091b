"""Names that no file can have: said before any work, not by the system after it."""

from __future__ import annotations

from pathlib import Path

from segue.errors import UsageError


def check_name(option: str, path: Path, longest: Path | None = None) -> None:
    """Raise `UsageError` where the system takes no such name, or not the `longest` of what is written beside it.

    What else keeps a file from being written there, as permissions of its folder, is said, too.
    """
    try:
        (longest or path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        got = f"{str(path)[:80]} ({error.strerror})"
        raise UsageError(f"{option}: expected a name that the system takes, got {got}: choose another") from None
