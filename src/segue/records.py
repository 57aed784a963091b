"""Reading back the JSON records of a run folder: damage is one line, never a traceback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from segue.errors import RunError


def read_record(path: Path, *keys: str) -> dict[str, Any]:
    """The JSON object in `path`, which must have `keys`; raises `RunError` when it is missing or damaged."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: expected a record of this run, cannot read it ({error}): start a new run") from None
    missing = [key for key in keys if not isinstance(record, dict) or key not in record]
    if missing or not isinstance(record, dict):
        raise RunError(f"{path}: expected a record of this run, it lacks {missing or 'everything'}: start a new run")
    return record
