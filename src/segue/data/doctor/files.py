"""One file before it is used as image or mask: can it be opened, is it whole, is it what its name says."""

from __future__ import annotations

import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from segue.data.doctor.codes import problem
from segue.data.doctor.content import ENDINGS, READABLE, damage, sniff
from segue.data.geotiff import Raster, raster_info
from segue.data.index import Problem
from segue.data.opening import opened, orientation
from segue.data.tiff import read_tiff
from segue.errors import DataError


@dataclass(frozen=True)
class Header:
    """What a sound file says of itself: format, Pillow mode, how a pixel is stored, EXIF orientation, compression.

    Of a raster, `raster` is the header and `mode` tells a palette alone.
    """

    kind: str
    mode: str = ""
    raw_mode: str = ""
    orientation: int = 1
    lossy: bool = False
    alpha: bool = False
    pixels: int = 0
    raster: Raster | None = None


def check_file(path: Path, max_pixels: int) -> tuple[Header | None, list[Problem]]:
    """Look at a file's bytes and header; the header is None when an error makes decoding pointless."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
            return None, [problem("IMG_UNREADABLE", path, "expected a file, got a folder, pipe or device")]
        if status.st_size == 0:
            return None, [problem("IMG_EMPTY", path, "the file has 0 bytes")]
        if path.suffix.lower() == ".npy":
            return Header("NumPy"), []
        with path.open("rb") as file:
            kind = sniff(file.read(512))
        if kind not in READABLE:
            return None, [
                problem("IMG_FORMAT", path, f"expected {', '.join(READABLE)}, got {kind or 'unknown content'}")
            ]
        return _check_picture(path, kind, max_pixels)
    except OSError as error:
        return None, [problem("IMG_UNREADABLE", path, f"cannot be opened: {error.strerror or error}")]


def _check_picture(path: Path, kind: str, max_pixels: int) -> tuple[Header | None, list[Problem]]:
    try:
        header = _header(path, kind)
    except DataError as error:
        found = damage(path.read_bytes(), kind)
        return None, [problem(found[0], path, found[1]) if found else refusal(path, error)]
    if header.pixels > max_pixels:
        text = f"expected at most {max_pixels:,} pixels, the header declares {header.pixels:,}"
        return None, [problem("IMG_BOMB", path, text)]
    if found := damage(path.read_bytes(), kind):
        return None, [problem(found[0], path, found[1])]
    if ENDINGS.get(path.suffix.lower()) != kind:
        return header, [
            problem("IMG_MISNAMED", path, f"the ending is {path.suffix or 'missing'}, the content is {kind}")
        ]
    return header, []


def _header(path: Path, kind: str) -> Header:
    if (tiff := read_tiff(path)) and tiff.is_raster:
        if tiff.is_cut():
            raise DataError(f"{path}: the file ends before its pixels do") from EOFError("truncated")
        raster = raster_info(path)
        mode, pixels = "P" if raster.palette else "", raster.height * raster.width
        return Header(kind, mode, lossy=raster.lossy, pixels=pixels, raster=raster)
    with opened(path, sys.maxsize) as picture:
        tiles = getattr(picture, "tile", None)
        arguments = tiles[0][3] if tiles else ""
        raw_mode = str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)
        pixels = picture.width * picture.height
        return Header(
            kind=kind,
            mode=picture.mode,
            raw_mode=raw_mode,
            orientation=orientation(picture),
            lossy=_is_lossy(picture, path, kind),
            alpha=picture.mode in ("LA", "PA", "RGBA", "RGBa", "La") or "transparency" in picture.info,
            pixels=pixels,
        )


def _is_lossy(picture: Image.Image, path: Path, kind: str) -> bool:
    if kind == "WEBP":
        with path.open("rb") as file:
            return b"VP8 " in file.read(4096)  # the lossless stream is called VP8L
    return kind == "JPEG" or picture.info.get("compression") in ("jpeg", "tiff_jpeg", "webp")


def refusal(path: Path, error: DataError) -> Problem:
    """The finding for a file the reader refused: broken bytes, several pages, or pixels it would have to change.

    The reader chains the decoder's own exception when the bytes are at fault, none when it declines a sound file.
    """
    text = str(error).removeprefix(f"{path}: ").splitlines()[0]
    if error.__cause__ is None:
        return problem("IMG_FRAMES" if "pages or frames" in text else "IMG_MODE", path, text)
    reason = str(error.__cause__).lower()
    if "pixel mode" in reason:  # Pillow's word for a combination of channels and bits it has no decoder for
        return problem("IMG_MODE", path, text)
    cut = any(
        word in reason
        for word in ("truncated", "end of file", "eof", "not enough", "unexpected end", "unpack requires")
    )
    return problem("IMG_TRUNCATED" if cut else "IMG_CORRUPT", path, text)
