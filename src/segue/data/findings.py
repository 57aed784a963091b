"""Findings about the data, told while a command runs: one line for each kind, so that a thousand files take one."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from segue.data.index import Problem

_log = logging.getLogger("segue")


def log_findings(problems: Sequence[Problem]) -> None:
    """Log each kind of finding that is more than a note, with one example and how many there are."""
    grave = [found for found in problems if found.severity != "info"]
    for code in dict.fromkeys(found.code for found in grave):
        same = [found for found in grave if found.code == code]
        _log.warning("%s (%d), such as %s: %s", code, len(same), same[0].path, same[0].message)
