"""JSON files that strangers wrote: size, depth and shape are checked, and damage is one line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from segue.errors import DataError

MOST_BYTES = 2**30  # the largest public annotation file, COCO's instances_train2017.json, has 470 MB
_GLANCE = 65_536


def read_json(path: Path, most_bytes: int = MOST_BYTES) -> tuple[dict[str, Any], bytes]:
    """The object in a JSON file, and the bytes it was read from.

    Raises:
        DataError: the file is missing, too large, no JSON, nested too deeply, or holds something else than an object.
    """
    try:
        if path.stat().st_size > most_bytes:
            raise DataError(
                f"{path}: expected at most {most_bytes:,} bytes of JSON, got {path.stat().st_size:,}; split it up"
            )
        raw = path.read_bytes()
        content = json.loads(raw)
    except OSError as error:
        raise DataError(f"{path}: expected a JSON file, cannot read it ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0][:120]
        raise DataError(f"{path}: expected JSON, got something damaged ({reason}); export it again") from None
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected a JSON object, got a {type(content).__name__}; export it again")
    return content, raw


def entries(content: dict[str, Any], key: str, path: Path) -> list[dict[str, Any]]:
    """The list of objects under `key`.

    Raises:
        DataError: there is no such list, or it holds something else.
    """
    found = content.get(key)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        got = "none" if found is None else "something else"
        raise DataError(f"{path}: expected a list of objects under {key!r}, got {got}; export the annotations again")
    return found


def glance(path: Path) -> bytes:
    """The beginning and the end of a file, for a look at its keys; empty where it cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(_GLANCE)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(len(head), size - _GLANCE))
            return head + file.read()
    except OSError:
        return b""
