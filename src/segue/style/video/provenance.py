"""What a video file tells of how it was made: the record in its comment, the watermark in its frames."""

from __future__ import annotations

import functools
from pathlib import Path

from segue.style.picture import Pixels
from segue.style.record import FoundRecord, record_among
from segue.style.video.reading import VideoFile, texts_in
from segue.style.video.shared import Spread
from segue.style.watermark import Mark, read_together

FRAMES = 32  # that are looked at for the watermark, at least; together they tell more than any


def look_into(video: Path) -> tuple[FoundRecord, Mark | None]:
    """The record, and the watermark that frames spread over the video hold together.

    Raises:
        DataError: the file is missing, damaged, or has no pictures.
        MissingPackageError: PyAV is not installed, which the extra `video` brings.
    """
    frames: Spread[Pixels] = Spread(FRAMES)
    for frame in VideoFile.of(video).frames():
        frames.add(functools.partial(getattr, frame, "pixels"))
    return record_among(texts_in(video)), read_together(frames.kept)
