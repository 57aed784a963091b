"""A clip as a video file, decoded frame by frame with PyAV (FFmpeg)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from segue.errors import DataError
from segue.extras import require
from segue.style.video.frame import Frame

ENDINGS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".wmv", ".ts")
HIGH_DEFINITION = 720  # rows from which a file that does not say its colour space is taken for BT.709, as players do
SHARE_READ = 0.9  # of the frames that a header promises; its length and rate may be rounded, and sound be longer
_UNSAID, _BT709, _BT601 = 2, 1, 5  # FFmpeg's numbers of colour spaces (AVCOL_SPC_*)
_TABLES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}  # of them, to those of its scaler (SWS_CS_*)
_HIGH_RANGE = {16: "PQ", 18: "HLG"}  # transfer functions of HDR (AVCOL_TRC_*)
_log = logging.getLogger("segue")


@dataclass(frozen=True)
class VideoFile:
    """The first stream of pictures in a video file; `count` is what its header says, 0 where it does not.

    `expected` is that number, or what length and rate in the header make of it; 0 where it says neither.
    """

    path: Path
    count: int
    rate: Fraction
    sound: bool
    expected: int = 0

    @classmethod
    def of(cls, path: Path) -> VideoFile:
        """What the header of a file says.

        Raises:
            DataError: there is no such file, it is damaged, or has no pictures.
            MissingPackageError: PyAV is not installed, which the extra `video` brings.
        """
        with _opened(path) as container:
            stream = _pictures(container, path)
            if name := _HIGH_RANGE.get(stream.codec_context.color_trc):
                _log.warning(
                    "%s: expected standard range, got HDR (%s): colours will look flat; convert it", path, name
                )
            rate = stream.average_rate or stream.guessed_rate or Fraction(25)
            seconds = Fraction(container.duration or 0, 1_000_000)
            expected = int(stream.frames) or int(seconds * Fraction(rate))
            return cls(path, int(stream.frames), Fraction(rate), bool(container.streams.audio), expected)

    def frames(self) -> Iterator[Frame]:
        """The frames, turned upright as players show them; raises `DataError` where the file is damaged."""
        with _opened(self.path) as container:
            stream = _pictures(container, self.path)
            stream.thread_type = "AUTO"
            frames = container.decode(stream)
            number = 0
            while (frame := _next(frames, self.path, number)) is not None:
                number += 1
                time = None if frame.pts is None else Fraction(frame.pts) * Fraction(frame.time_base)
                quarters = round(frame.rotation / 90) % 4
                yield Frame(_upright(frame, quarters), None, time, _aspect(stream, quarters))

    def lacks_frames(self, count: int) -> bool:
        """Whether clearly fewer could be read than the header promises, as of a file that was cut off."""
        return count < SHARE_READ * self.expected - 1


def texts_in(path: Path) -> tuple[str, ...]:
    """What the metadata of a video file say, the comment among them; raises as `VideoFile.of` does."""
    with _opened(path) as container:
        return tuple(str(text) for text in container.metadata.values())


def file_name(path: Path) -> str:
    """What FFmpeg is to be told: of a relative name with a colon it would take what is before it for a protocol."""
    return str(path.absolute())


def _opened(path: Path) -> Any:  # noqa: ANN401 - PyAV's container
    if not path.is_file():
        raise DataError(f"{path}: expected a video or a folder of numbered frames, found no such file")
    av = require("av", "video")
    try:  # a play list may name other files, but none of a network
        return av.open(file_name(path), options={"protocol_whitelist": "file"})
    except (av.FFmpegError, OSError) as error:
        raise DataError(f"{path}: expected a video, cannot read it ({_reason(error)}): export it as .mp4") from None


def _pictures(container: Any, path: Path) -> Any:  # noqa: ANN401 - PyAV's own
    if not container.streams.video:
        raise DataError(f"{path}: expected a video, got a file without pictures")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise DataError(f"{path}: expected a video that FFmpeg can decode, got a codec it does not know: convert it")
    return stream


def _next(frames: Any, path: Path, number: int) -> Any:  # noqa: ANN401 - PyAV's own
    av = require("av", "video")
    try:
        return next(frames, None)
    except av.FFmpegError as error:
        told = f"cannot decode it past frame {number} ({_reason(error)})"
        raise DataError(f"{path}: expected a whole video, {told}: export it again or cut it there") from None


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).splitlines()[0][:120]


def _aspect(stream: Any, quarters: int) -> Fraction | None:  # noqa: ANN401 - PyAV's own
    aspect = stream.sample_aspect_ratio
    if not aspect or aspect == 1:
        return None
    return 1 / Fraction(aspect) if quarters % 2 else Fraction(aspect)


def _upright(frame: Any, quarters: int) -> np.ndarray:  # noqa: ANN401 - PyAV's own
    """RGB from 0 to 255; the colour space is the one that the file names, or the usual one of its size."""
    space = frame.colorspace
    if space not in _TABLES:
        space = _BT709 if frame.height >= HIGH_DEFINITION else _BT601
    pixels = frame.reformat(format="rgb24", src_colorspace=_TABLES[space]).to_ndarray()
    return np.ascontiguousarray(np.rot90(pixels, quarters))
