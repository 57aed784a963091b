"""A record as text that can lie in a picture: JSON in ASCII, with a check sum that tells when it was changed.

The check sum is no signature: who changes the record on purpose can make a new one.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from segue.errors import DataError, UsageError

FORMAT = "segue-style-record"
VERSION = 1
LONGEST = 32_000  # characters; what is longer is not written, and not parsed


@dataclass(frozen=True)
class Sealed:
    """A record's content as plain JSON types, and whether a watermark was put into the picture."""

    content: dict[str, Any]
    marked: bool


def sha256_of_content(content: dict[str, Any]) -> str:
    """SHA-256 of a record's content, in hexadecimal: of its JSON with sorted keys, no blanks, in ASCII.

    Raises:
        UsageError: it holds something JSON has no place for, NaN and infinity among them.
    """
    return hashlib.sha256(_json(content).encode("ascii")).hexdigest()


def seal(content: dict[str, Any], marked: bool) -> str:
    """The text of a record.

    Raises:
        UsageError: as for `sha256_of_content`, or the text is longer than `LONGEST`.
    """
    sha256 = sha256_of_content(content)
    text = _json({"format": FORMAT, "version": VERSION, "marked": marked, "sha256": sha256, "record": content})
    if len(text) > LONGEST:
        raise UsageError(
            f"expected a record of at most {LONGEST} characters, got {len(text)}: shorten names or options"
        )
    return text


def unseal(text: str) -> Sealed | None:
    """What a text holds; None where it is not a record of Segue's, such as the comment of a camera.

    Raises:
        DataError: it is one, and damaged, changed, or of another version.
    """
    if FORMAT not in text[:LONGEST]:
        return None
    if len(text) > LONGEST:
        raise DataError(f"expected a record of at most {LONGEST} characters, got {len(text)}: it is not read")
    try:
        whole = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise DataError(f"expected a record as JSON, cannot read it ({error}): it is damaged") from None
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        return None
    if whole.get("version") != VERSION:
        raise DataError(f"expected a record of version {VERSION}, got {whole.get('version')!r}: use a newer Segue")
    content = whole.get("record")
    try:
        right = isinstance(content, dict) and whole.get("sha256") == sha256_of_content(content)
    except (UsageError, RecursionError):  # numbers like 1e999, lists in lists in lists
        right = False
    if not right or not isinstance(content, dict):
        raise DataError("expected a record that has its check sum, got another: it was changed after it was written")
    return Sealed(content, whole.get("marked") is True)


def _json(value: dict[str, Any]) -> str:
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError(f"expected text, finite numbers, true, false and lists of them in a record: {error}") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")
