"""The record that travels in every stylised picture: what was made of what, with which method, under which licence.

It lies in a PNG as an iTXt chunk and in a JPEG as the EXIF field UserComment, as JSON (`segue.style.record_text`). The
watermark in the pixels holds 24 bits of a SHA-256 of it, so each can be held against the other.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from segue import __version__
from segue.data.image import MAX_PIXELS
from segue.data.opening import opened
from segue.durable import write_durably
from segue.errors import DataError, UsageError
from segue.style.content_credentials import Signer
from segue.style.exif_comment import comment_in, with_comment
from segue.style.mark_frame import NUMBER_BITS
from segue.style.picture import FORMATS, SAVED_WITH
from segue.style.record_text import FORMAT, seal, sha256_of_content, unseal
from segue.style.watermark import MIN_SIDE, embed

_log = logging.getLogger("segue")


@dataclass(frozen=True)
class UsedStyle:
    """One style that went into a picture: its name, where it is from (file, address), its licence as far as known."""

    name: str
    source: str = ""
    licence: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class StyleRecord:
    """How a picture was made.

    `content_sha256` is that of the content's file, `model_sha256` that of the network's weights; both are in
    hexadecimal and empty where there is none. `options` hold text, numbers, booleans, and lists of them. `date`
    is the day in UTC, ISO 8601: the same work gives the same file all day, and the same pixels on any day.
    """

    method: str
    styles: tuple[UsedStyle, ...]
    content_sha256: str = ""
    model_sha256: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    segue_version: str = __version__
    date: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, the same before and after a picture was written and read."""
        return {**dataclasses.asdict(self), "styles": [dataclasses.asdict(style) for style in self.styles]}

    @property
    def number(self) -> int:
        """What the watermark of a picture with this record holds: 24 bits of the SHA-256 of the record less its date.

        Raises:
            UsageError: `options` hold something JSON has no place for.
        """
        return _number(self.to_json())


@dataclass(frozen=True)
class FoundRecord:
    """What a picture's metadata hold.

    Either a `record`, the `number` a watermark of its own has and whether the writer put one in (`marked`); or the
    `problem` of a record that is damaged, in one line; or neither.
    """

    record: StyleRecord | None = None
    number: int | None = None
    marked: bool = False
    problem: str = ""


def write_marked(
    picture: UInt8[np.ndarray, "height width 3"],
    path: Path,
    record: StyleRecord,
    watermark: bool = True,
    signer: Signer | None = None,
) -> bool:
    """Write an RGB picture with its record, and with a watermark that belongs to it; says whether it has the watermark.

    The file is there whole or not at all, `.png`, or `.jpg` and `.jpeg` (quality 95, colour at full resolution). A
    picture with a side below `watermark.MIN_SIDE` pixels gets the record alone, and the log says so. Metadata
    of the content are not taken over. A `signer` signs all of it as C2PA content credentials.

    Raises:
        UsageError: another ending, or a record that is too long or holds what JSON cannot.
        DataError: the signer's certificate is no longer good for it.
        RunError: the file cannot be written.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"{path}: expected a name that ends in {', '.join(FORMATS)}, got {path.suffix or 'none'}")
    height, width = picture.shape[:2]
    marked = watermark and min(height, width) >= MIN_SIDE
    if watermark and not marked:
        _log.warning("%s: %d x %d pixels are too few for a watermark; its record is written", path, height, width)
    text = seal(record.to_json(), marked)
    image = Image.fromarray(embed(picture, record.number) if marked else picture)
    options = SAVED_WITH[kind] | _metadata(kind, text)

    def write(temporary: Path) -> None:
        image.save(temporary, format=kind, **options)
        if signer is not None:
            temporary.write_bytes(signer.signed(temporary.read_bytes(), kind, path.name, record.to_json()))

    write_durably(path, write, picture.nbytes)
    return marked


def read_record(path: Path) -> FoundRecord:
    """The record in a picture's metadata, wherever they hold text; those of others are passed over.

    Raises:
        DataError: the file is missing, no picture, or broken.
    """
    with opened(path, MAX_PIXELS) as picture:
        texts = [str(text) for text in getattr(picture, "text", {}).values()]
        exif = picture.info.get("exif")
    comment = comment_in(exif) if isinstance(exif, bytes) else None
    return record_among((*texts, *([comment] if comment else [])))


def record_among(texts: Iterable[str]) -> FoundRecord:
    """The first of some texts that is a record; those of others are passed over."""
    for text in texts:
        try:
            sealed = unseal(text)
            if sealed is not None:
                return FoundRecord(_opened(sealed.content), _number(sealed.content), sealed.marked)
        except DataError as error:
            return FoundRecord(problem=str(error))
    return FoundRecord()


def _number(content: dict[str, Any]) -> int:
    timeless = {name: value for name, value in content.items() if name != "date"}
    return int(sha256_of_content(timeless)[: NUMBER_BITS // 4], 16)


def _opened(content: dict[str, Any]) -> StyleRecord:
    """The record with this content; fields that this version does not know are left out."""
    styles = content.get("styles")
    if not isinstance(styles, list) or not all(isinstance(style, dict) for style in styles):
        raise DataError("expected a list of styles in the record, got none: it was written by something else")
    options = content.get("options")
    if isinstance(options, dict) and not all(map(_is_option, options.values())):
        raise DataError("expected options that are text, numbers or lists of them in the record, got others")
    names = ("method", "content_sha256", "model_sha256", "segue_version", "date")
    return StyleRecord(
        styles=tuple(UsedStyle(**_texts(style, ("name", "source", "licence", "sha256"))) for style in styles),
        options=options if isinstance(options, dict) else {},
        **_texts(content, names),
    )


def _is_option(value: object) -> bool:
    return not any(isinstance(one, dict | list) for one in (value if isinstance(value, list) else [value]))


def _texts(content: dict[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    return {name: str(content.get(name, "")) for name in names}


def _metadata(kind: str, text: str) -> dict[str, Any]:
    """The text as Pillow's option for the format."""
    if kind == "JPEG":
        return {"exif": with_comment(text)}
    metadata = PngInfo()
    metadata.add_itxt(FORMAT, text)
    return {"pnginfo": metadata}
