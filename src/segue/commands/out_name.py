"""Names that no file can have: said before any work, not by the system after it."""

from __future__ import annotations

from pathlib import Path

from segue.errors import UsageError


def check_name(out: Path, longest: Path | None = None) -> None:
    """Raise `UsageError` where the system takes no such name for `out`, or for the longest that is written beside it.

    What else keeps a file from being written there, as permissions of its folder, is said, too.
    """
    try:
        (longest or out).stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        got = f"{str(out)[:80]} ({error.strerror})"
        raise UsageError(f"out: expected a name that the system takes, got {got}: choose another") from None
