"""Where a painted clip goes: checked before any work, so that nothing that is read, or was painted earlier, is lost."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from segue.commands.style_paths import check_name, require_writable
from segue.data.image import ENDINGS
from segue.errors import UsageError
from segue.style.video.frame import Clip
from segue.style.video.numbered import NUMBER, NumberedFrames, frame_name
from segue.style.video.reading import VideoFile
from segue.style.video.writing import beside, partial_of, require_encoder
from segue.style_configs import VIDEO_ENDINGS, StyleVideoConfig

_COUNTED = re.compile(r"frame-\d{6,}\.png")  # `frame_name` of any frame


def out_of(config: StyleVideoConfig, clip: Clip) -> Path:
    """Where the painted clip goes; checks it, and for a video that PyAV is there.

    Raises:
        UsageError: it is of another kind than its name says, what is read would be written over, or a folder holds
            numbered frames of something else.
        MissingPackageError, RunError: PyAV is not installed, or has no encoder.
    """
    out = config.out or Path("stylised.mp4" if isinstance(clip, VideoFile) else "stylised")
    video = out.suffix.lower() in VIDEO_ENDINGS
    check_name("out", out, beside(partial_of(out)) if video else out)
    require_writable("out", out.parent if video or out.is_file() else out)
    if out.resolve() == clip.path.resolve():
        raise UsageError(f"out: expected another place than the clip that is read, got {out}")
    read = [clip.path, *([config.model] if config.model else []), *map(Path, config.style)]
    if not video:
        if out.is_file():
            raise UsageError(f"out: expected a folder, or a video ending in .mp4, .mov or .mkv, got the file {out}")
        if config.rate is not None or config.quality != StyleVideoConfig.quality:
            raise UsageError(f"rate, quality: expected neither for the folder {out}, since they are a video's, got one")
        _check_folder(out, clip, read)
        return out
    if out.is_dir():
        raise UsageError(f"out: expected a video that can be written, got the folder {out}: choose another name")
    videos = (out, partial_of(out))
    _check_read([*videos, *map(beside, videos)], read)
    require_encoder()
    return out


def check_leftovers(folder: Path, names: Collection[str]) -> None:
    """Raise `UsageError` where a folder holds numbered frames that are not among those which will be written."""
    if not folder.is_dir():
        return
    others = sorted(
        one.name
        for one in folder.iterdir()
        if one.suffix.lower() in ENDINGS and NUMBER.search(one.stem) and one.name not in names
    )
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        told = f"{others[0]}{more}, which would stand among the painted frames"
        raise UsageError(f"out: expected a folder without other numbered pictures, got {told}: choose another")


def _check_folder(folder: Path, clip: Clip, read: list[Path]) -> None:
    if isinstance(clip, NumberedFrames):
        names = {f"{file.stem}.png" for file in clip.files}
        _check_read([folder / name for name in sorted(names)], read)
        check_leftovers(folder, names)
        return
    whole = folder.resolve()
    _check_read([one for one in read if one.resolve().parent == whole and _COUNTED.fullmatch(one.name)], read)


def counted_names(count: int) -> set[str]:
    """The names of the frames of a video in a folder."""
    return {f"{frame_name(number)}.png" for number in range(1, count + 1)}


def _check_read(written: list[Path], read: list[Path]) -> None:
    taken = {path.resolve() for path in read}
    for path in written:
        if path.resolve() in taken:
            raise UsageError(f"out: expected to write over nothing that is read, got {path}: choose another name")
