"""A painted clip as a video file: H.264, the frames at the times they had, and the sound as it was."""

from __future__ import annotations

import contextlib
import io
import itertools
import logging
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from segue.durable import make_folder, write_durably
from segue.errors import RunError, UsageError
from segue.extras import require
from segue.style.picture import Pixels
from segue.style.record import StyleRecord
from segue.style.record_text import seal
from segue.style.video.frame import Frame
from segue.style.video.reading import file_name
from segue.style.watermark import MIN_SIDE, embed

WRITTEN = (".mp4", ".mov", ".mkv")
_CODEC = "libx264"
_BT709, _LIMITED = (
    1,
    1,
)  # FFmpeg's numbers (AVCOL_*): what players expect of a file that says so, and of most that do not
_TRIED = 8  # packets of sound that are written to see whether a container takes them
_TICKS = 90_000  # in a second, of files that have numbered frames for a source
_log = logging.getLogger("segue")


def require_encoder() -> Any:  # noqa: ANN401 - PyAV itself
    """PyAV, with the encoder that videos are written by.

    Raises:
        MissingPackageError: PyAV is not installed, which the extra `video` brings.
        RunError: it was built without the encoder, as its wheels are not.
    """
    av = require("av", "video")
    if _CODEC not in av.codecs_available:
        wheel = "install PyAV's wheel, or write frames into a folder"
        raise RunError(f"expected a PyAV with the encoder {_CODEC}, got one built without it: {wheel}")
    return av


class VideoWriter:
    """Encodes painted frames into a working file beside `path`, which takes its place when it is closed.

    Args:
        path: .mp4, .mov or .mkv.
        size: height and width; an odd last row or column is left out, since H.264 has half as many colours.
        rate: frames in a second.
        record: how the frames were made; it lies in the file's comment.
        watermark: whether every frame holds the record's number.
        quality: constant rate factor; 0 loses nothing but what half as many colours do.
        sound: a file whose first sound is carried over.

    Raises:
        MissingPackageError: PyAV is not installed, which the extra `video` brings.
        RunError: the file cannot be written, or PyAV has no encoder.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        *,
        rate: Fraction,
        record: StyleRecord,
        watermark: bool,
        quality: int,
        sound: Path | None = None,
    ) -> None:
        self._av = require_encoder()
        self.path, self.size = path, (size[0] // 2 * 2, size[1] // 2 * 2)
        if min(self.size) < 2:
            raise UsageError(f"out: expected frames of at least 2 x 2 pixels for a video, got {size[0]} x {size[1]}")
        self.marked = watermark and min(self.size) >= MIN_SIDE
        if watermark and not self.marked:
            _log.warning("%s: %d x %d pixels are too few for a watermark; the record is written", path, *self.size)
        if self.size != size:
            _log.warning("%s: H.264 wants even sides: %d x %d pixels of %d x %d", path, *self.size, *size)
        self.record, self.rate, self.written = record, rate, 0
        make_folder(path.parent)
        self._working = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
        with self._told():
            self._container = self._av.open(file_name(self._working), "w")
            self._container.metadata["comment"] = seal(record.to_json(), self.marked)
            self._stream = self._encoder(quality)
            self._sound = None if sound is None else _Sound(sound, self._container)
        self._last = -1

    def add(self, pixels: Pixels, frame: Frame) -> None:
        """Encode one frame; raises `RunError` when it cannot be written."""
        cut = np.ascontiguousarray(pixels[: self.size[0], : self.size[1]])
        shown = embed(cut, self.record.number) if self.marked else cut
        time = Fraction(self.written) / self.rate if frame.time is None else frame.time
        if self.written == 0 and frame.aspect is not None:
            self._stream.codec_context.sample_aspect_ratio = frame.aspect  # the file's header is not written yet
        with self._told():
            picture = self._av.VideoFrame.from_ndarray(shown, "rgb24").reformat(
                format="yuv420p", dst_colorspace=_BT709, dst_color_range=_LIMITED
            )
            picture.colorspace, picture.color_range = _BT709, _LIMITED
            picture.time_base = Fraction(1, _TICKS)
            self._last = picture.pts = max(self._last + 1, round(time * _TICKS))  # times that fall back end an encoder
            self._container.mux(self._stream.encode(picture))
            if self._sound is not None:
                self._sound.up_to(time)
        self.written += 1

    def close(self, complete: bool) -> Path:
        """Finish the file and put it in place, as `NAME.partial.mp4` when it is not complete; says where it is.

        A file without a frame is not kept.
        """
        with self._told():
            self._container.mux(self._stream.encode(None))
            if self._sound is not None:
                self._sound.up_to(None if complete else Fraction(self._last, _TICKS))
                self._sound.close()
            self._container.close()
        path = self.path if complete else partial_of(self.path)
        write_durably(path, self._move)
        return path

    def discard(self) -> None:
        """Leave nothing behind; what was closed stays."""
        if self._sound is not None:
            self._sound.close()
        with contextlib.suppress(self._av.FFmpegError):
            self._container.close()
        self._working.unlink(missing_ok=True)

    def _move(self, path: Path) -> None:
        self._working.replace(path)

    def _encoder(self, quality: int) -> Any:  # noqa: ANN401 - PyAV's own
        stream = self._container.add_stream(_CODEC, rate=self.rate, options={"crf": str(quality)})
        stream.height, stream.width = self.size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = Fraction(1, _TICKS)
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED
        return stream

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """FFmpeg's errors as one line; a working file that failed is taken away."""
        try:
            yield
        except (self._av.FFmpegError, OSError) as error:
            with contextlib.suppress(OSError):
                self._working.unlink(missing_ok=True)
            reason = str(getattr(error, "strerror", None) or error).splitlines()[0][:120]
            raise RunError(f"{self.path}: could not be written: {reason}") from None


def partial_of(path: Path) -> Path:
    """What a video is called that was not painted to its end."""
    return path.with_suffix(f".partial{path.suffix}")


def beside(path: Path) -> Path:
    """Where the record and the result of a video lie."""
    return path.with_name(f"{path.name}.json")


class _Sound:
    """The first sound of a file, copied packet by packet beside the pictures; nothing is encoded again."""

    def __init__(self, source: Path, target: Any) -> None:  # noqa: ANN401 - PyAV's container
        self._av = require("av", "video")
        self._source = self._av.open(file_name(source), options={"protocol_whitelist": "file"})
        self._name, self._target = source, target
        stream = self._source.streams.audio[0]
        name = stream.codec_context.name
        self._packets: Iterator[Any] = iter(())
        self._next = None
        if not _takes(self._av, target.format.name, source):
            _log.warning(
                "%s: the sound (%s) does not go into %s and is left out: write .mkv", source, name, target.format.name
            )
            return
        self._stream = target.add_stream_from_template(stream)
        self._packets = (packet for packet in self._source.demux(stream) if packet.dts is not None)
        self._next = self._read()

    def up_to(self, time: Fraction | None) -> None:
        """Copy what is heard before that second, or all that is left."""
        while self._next is not None and (time is None or self._next.dts * self._next.time_base <= time):
            dts = self._next.dts
            self._next.stream = self._stream
            self._target.mux(self._next)
            self._next = self._read()
            while self._next is not None and self._next.dts <= dts:  # times that fall back end a file
                self._next = self._read()

    def close(self) -> None:
        """Leave the source."""
        self._source.close()

    def _read(self) -> Any:  # noqa: ANN401 - PyAV's packet
        try:
            return next(self._packets, None)
        except self._av.FFmpegError as error:
            _log.warning("%s: the sound is damaged (%s): the rest is left out", self._name, error)
            return None


def _takes(av: Any, kind: str, source: Path) -> bool:  # noqa: ANN401 - PyAV itself
    """Whether a container takes the sound of a file: tried in memory, since what its muxer says it takes is not all."""
    try:
        with (
            av.open(file_name(source), options={"protocol_whitelist": "file"}) as given,
            av.open(io.BytesIO(), "w", format=kind) as tried,
        ):
            stream = given.streams.audio[0]
            copied = tried.add_stream_from_template(stream)
            for packet in itertools.islice((one for one in given.demux(stream) if one.dts is not None), _TRIED):
                packet.stream = copied
                tried.mux(packet)
    except (av.FFmpegError, ValueError):
        return False
    return True
