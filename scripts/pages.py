"""What the scripts that write parts of the documentation have in common: bring pages up to date, or name the stale."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def bring_up_to_date(about: str, pages: Iterable[Path], current: Callable[[Path], str]) -> int:
    """Write every page that is not as `current` says it should be, or only name it when called with --check.

    `about` is the script's docstring. Returns the exit code: 1 when --check finds a stale page.
    """
    parser = argparse.ArgumentParser(description=about.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    stale = False
    for page in pages:
        text = current(page)
        if page.read_text(encoding="utf-8") == text:
            continue
        stale = True
        print(f"{'out of date' if check else 'written'}: {page.relative_to(ROOT)}")
        if not check:
            page.write_text(text, encoding="utf-8")
    return int(check and stale)
