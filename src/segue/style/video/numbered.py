"""A clip as a folder of numbered frames, read and written: pictures named `frame-000001.png` or the like."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from segue.data.image import ENDINGS
from segue.durable import make_folder, sha256_of
from segue.errors import DataError
from segue.style.picture import Pixels, read_pixels
from segue.style.record import StyleRecord, write_marked
from segue.style.video.frame import Frame
from segue.style.watermark import MIN_SIDE

_log = logging.getLogger("segue")
NUMBER = re.compile(r"(\d+)\D*$")  # the last number in a name


@dataclass(frozen=True)
class NumberedFrames:
    """The pictures in a folder, in the order of the last number in their names; folders below it are left alone."""

    path: Path
    files: tuple[Path, ...]
    rate: Fraction | None = None

    @classmethod
    def of(cls, folder: Path) -> NumberedFrames:
        """The frames of a folder; the log names what is missing between the first and the last.

        Raises:
            DataError: there is no picture, or one without a number, or two with the same.
        """
        files = [one for one in folder.iterdir() if one.suffix.lower() in ENDINGS and not one.name.startswith(".")]
        if not files:
            raise DataError(f"{folder}: expected numbered frames as {', '.join(ENDINGS[:3])}, got none")
        by_number: dict[int, Path] = {}
        for file in sorted(files):
            found = NUMBER.search(file.stem)
            if found is None:
                raise DataError(f"{file}: expected a number in the name of every frame, got none: name it frame-1.png")
            other = by_number.setdefault(int(found[1]), file)
            if other != file:
                raise DataError(f"{folder}: expected each number once, got {other.name} and {file.name}: take one away")
        numbers = sorted(by_number)
        missing = numbers[-1] - numbers[0] + 1 - len(numbers)
        if missing:
            gap = next(number for number in range(numbers[0], numbers[-1]) if number not in by_number)
            _log.warning("%s: %d numbers between the frames are missing, the first is %d", folder, missing, gap)
        return cls(folder, tuple(by_number[number] for number in numbers))

    @property
    def count(self) -> int:
        """How many files there are."""
        return len(self.files)

    def frames(self) -> Iterator[Frame]:
        """The frames; raises `DataError` for a file that is no picture."""
        for file in self.files:
            yield Frame(read_pixels(file), file)


def frame_name(number: int) -> str:
    """What a painted frame without a file of its own is called, counted from 1."""
    return f"frame-{number:06d}"


class FrameFolder:
    """Writes every painted frame as a picture of its own, with the record of how it was made.

    A frame from a file keeps that file's name, so that numbers stay what they were; others are counted from 1. `record`
    is that of the clip; what a frame's own says besides is its number, and its file where it has one.
    """

    def __init__(self, folder: Path, record: StyleRecord, watermark: bool) -> None:
        self.folder, self.record, self.watermark = folder, record, watermark
        self.written = 0
        make_folder(folder)

    def add(self, pixels: Pixels, frame: Frame) -> None:
        """Write one frame, whole or not at all; raises `RunError` when it cannot be written."""
        self.written += 1
        height, width = pixels.shape[:2]
        if self.watermark and min(height, width) < MIN_SIDE:
            _log.warning(
                "%s: %d x %d pixels are too few for a watermark; records are written", self.folder, height, width
            )
            self.watermark = False  # all frames are of one size: said once
        name = frame.file.stem if frame.file is not None else frame_name(self.written)
        write_marked(pixels, self.folder / f"{name}.png", self._record(frame), self.watermark)

    def _record(self, frame: Frame) -> StyleRecord:
        content = sha256_of(frame.file) if frame.file is not None else self.record.content_sha256
        options = {**self.record.options, "frame": self.written}
        return StyleRecord(self.record.method, self.record.styles, content, self.record.model_sha256, options)

    def close(self, complete: bool) -> Path:
        """Where the frames are; nothing is left to do, whether all were painted or not."""
        return self.folder
