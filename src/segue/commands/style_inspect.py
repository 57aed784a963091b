"""`segue style inspect`: a picture's record, watermark and content credentials, and whether they hold."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segue.data.image import is_raster, read_image, to_channels
from segue.errors import DataError, UsageError
from segue.style.credentials_found import Credentials, find_credentials
from segue.style.record import FoundRecord, StyleRecord, UsedStyle, read_record
from segue.style.video.provenance import look_into
from segue.style.video.reading import ENDINGS as VIDEOS
from segue.style.watermark import Mark, read
from segue.style_configs import StyleInspectConfig

LONGEST_LINE = 400  # characters shown of what a record says


@dataclass(frozen=True)
class StyleInspectResult:
    """What was found in a picture's metadata and in its pixels."""

    image: Path
    found: FoundRecord
    mark: Mark | None
    credentials: Credentials | None = None

    @property
    def exit_code(self) -> int:
        """0 when a record, whole or damaged, a watermark or a C2PA manifest was found, 1 when nothing was."""
        return 0 if self.found.record or self.found.problem or self.mark or self.credentials else 1

    @property
    def belongs(self) -> bool | None:
        """Whether the watermark is that of the record; None where one of the two is missing."""
        if self.found.record is None or self.mark is None:
            return None
        return self.found.number == self.mark.number

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        mark = None if self.mark is None else {"id": _id(self.mark.number), "agreement": round(self.mark.agreement, 3)}
        record, number = self.found.record, self.found.number
        return {
            "image": str(self.image),
            "record": record.to_json() if record else None,
            "record_id": None if number is None else _id(number),
            "problem": self.found.problem or None,
            "watermark": mark,
            "belongs": self.belongs,
            "c2pa": None if self.credentials is None else self._credentials_to_json(self.credentials),
        }

    def lines(self) -> list[str]:
        """The result for people."""
        if self.exit_code:
            return [
                f"{self.image}: no record and no watermark of Segue",
                "it may have been made with Segue all the same: metadata can be removed, and cropping ends a watermark",
            ]
        record = [f"record: {line}" for line in self._about_record()]
        signed = [f"C2PA: {line}" for line in _signed(self.credentials)] if self.credentials else []
        return [_shown(line) for line in (f"{self.image}:", *record, f"watermark: {self._about_mark()}", *signed)]

    def _credentials_to_json(self, credentials: Credentials) -> dict[str, Any]:
        same = credentials.record is not None and self.found.record is not None
        same = same and credentials.record == self.found.record.to_json()  # type: ignore[union-attr]
        return {**dataclasses.asdict(credentials), "holds": credentials.holds, "record_is_the_pictures": same}

    def _about_record(self) -> list[str]:
        if self.found.problem:
            return [self.found.problem]
        if self.found.record is None:
            return ["none; metadata are lost when a picture is saved anew or sent through most services"]
        return _told(self.found.record)

    def _about_mark(self) -> str:
        if self.mark is not None:
            read_as = f"{_id(self.mark.number)}, held by {self.mark.agreement:.0%} of its carriers"
            if self.belongs is None:
                return f"{read_as}: made with Segue, by a run whose record has this id"
            if self.belongs:
                return f"{read_as}: it belongs to the record"
            return f"{read_as}: it belongs to another record than this one, whose id is {_id(self.found.number or 0)}"
        if self.found.record is None:
            return "none could be read"
        if self.found.marked:
            return "none could be read, though one was written: the picture was cropped, turned or painted over since"
        return "none, and none was written"


def run(config: StyleInspectConfig) -> StyleInspectResult:
    """Read record and watermark of `config.image`; nothing is written.

    Raises `UsageError` without a picture, `DataError` when it is missing, broken or no picture.
    """
    path = config.image
    if path is None:
        raise UsageError("expected a picture, got none: segue style inspect IMAGE")
    if path.suffix.lower() == ".npy" or is_raster(path):
        raise DataError(f"{path}: expected a picture, got an array or a raster; give a PNG or JPEG")
    if path.suffix.lower() in VIDEOS:
        return StyleInspectResult(path, *look_into(path))
    found = read_record(path)
    return StyleInspectResult(path, found, read(to_channels(read_image(path), 3)), find_credentials(path))


def _told(record: StyleRecord) -> list[str]:
    """The record in sentences; what it leaves open is left out, a licence apart."""
    made = f"made with Segue {record.segue_version}, {record.method}, on {record.date}"
    styles = [_style(style) for style in record.styles]
    hashes = {"content": record.content_sha256, "model": record.model_sha256}
    files = [f"SHA-256 of the {name} {sha256}" for name, sha256 in hashes.items() if sha256]
    options = ", ".join(f"{name}={value}" for name, value in record.options.items())
    return [made, *styles, *files, *([f"options {options}"] if options else [])]


def _signed(found: Credentials) -> list[str]:
    """What the manifest says, in sentences."""
    if found.problem:
        return [found.problem]
    who = f"signed by {found.signed_by or 'a certificate without a name'} ({found.issuer or 'no issuer'})"
    signature = "the signature holds" if found.signature_holds else "THE SIGNATURE DOES NOT HOLD"
    picture = "the picture is as it was signed" if found.picture_holds else "THE PICTURE WAS CHANGED since"
    rest = [f"what does not hold, too: {', '.join(found.broken)}"] if found.broken else []
    trust = "on a trust list" if found.trusted else "on no trust list that was looked at: anyone can make one"
    made = f"{', '.join(found.actions)}; of {', '.join(found.ingredients)}"
    return [f"{who}; {signature}; {picture}", *rest, f"the certificate is {trust}", made]


def _style(style: UsedStyle) -> str:
    source = f" from {style.source}" if style.source else ""
    return f"style {style.name}{source}, licence {style.licence or 'not stated'}"


def _id(number: int) -> str:
    return f"{number:06x}"


def _shown(line: str) -> str:
    """A line that may hold text from a stranger's file: nothing in it moves the cursor, and it has an end."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in line)
    shown = plain if len(plain) <= LONGEST_LINE else f"{plain[:LONGEST_LINE]}…"
    encoding = sys.stdout.encoding or "utf-8"  # what a terminal cannot show shall not end the command
    return shown.encode(encoding, "replace").decode(encoding)
