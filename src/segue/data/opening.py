"""Opening a picture file: what it is, how large, how many pages, which way up. No pixel is decoded here.

Pillow's format classes are called directly instead of `Image.open`: its pixel limit is one global for the whole
process, while ours is an argument, and only the formats named here are ever tried. The content of a file decides what
it is, never its ending.
"""

from __future__ import annotations

import struct
import tokenize
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import jpeg_factory
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from segue.errors import DataError

ENDINGS = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".bmp", ".npy")

_OPENERS: dict[bytes, Callable[[BinaryIO], Image.Image]] = {
    b"\x89PNG\r\n\x1a\n": PngImageFile,
    b"\xff\xd8\xff": jpeg_factory,
    b"II*\x00": TiffImageFile,
    b"MM\x00*": TiffImageFile,
    b"II+\x00": TiffImageFile,  # BigTIFF
    b"MM\x00+": TiffImageFile,
    b"BM": BmpImageFile,
}
_FOREIGN = {
    b"GIF8": "a GIF",
    b"%PDF": "a PDF",
    b"%!PS": "an EPS or PostScript file",
    b"<svg": "an SVG",
    b"<?xml": "an SVG or other XML file",
    b"\x00\x00\x00\x0cjP  ": "a JPEG 2000",
    b"\xff\x0a": "a JPEG XL",
    b"PK\x03\x04": "a zip archive",
    b"version https://git-lfs": "a Git LFS pointer (git lfs pull fetches the file)",
}
_ORIENTATION, _SHORT = 0x0112, 3  # an EXIF tag and the type of its value
# What Pillow's format classes and numpy raise on broken bytes, found by changing bytes in files of every format.
BROKEN = (
    Image.DecompressionBombError,
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    EOFError,
    ArithmeticError,
    struct.error,
    tokenize.TokenError,  # numpy, on the header of a .npy file
)


@contextmanager
def opened(path: Path, max_pixels: int) -> Iterator[Image.Image]:
    """Open a picture's header; whatever its decoder raises, here or in the body, becomes one `DataError`.

    Raises:
        DataError: no such file, not one of the formats, broken, more than `max_pixels` pixels, or several pages.
    """
    try:
        with path.open("rb") as file:
            opener = _opener(file.read(64), path)
            file.seek(0)
            picture = opener(file)
            check_size(path, picture.height, picture.width, max_pixels)
            _check_pages(path, picture)
            yield picture
    except FileNotFoundError:
        raise DataError(f"{path}: expected a picture, found no such file") from None
    except IsADirectoryError:
        raise DataError(f"{path}: expected a picture, got a folder; give a file in it") from None
    except MemoryError:
        raise DataError(f"{path}: not enough memory to decode it; scale it down or cut it into tiles") from None
    except BROKEN as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:160]
        raise DataError(
            f"{path}: expected a whole picture, cannot decode it ({reason}); export or copy it again"
        ) from error


def _opener(head: bytes, path: Path) -> Callable[[BinaryIO], Image.Image]:
    if not head:
        raise DataError(f"{path}: expected a picture, got an empty file (0 bytes); copy it again")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WebPImageFile
    for magic, opener in _OPENERS.items():
        if head.startswith(magic):
            return opener
    found = next((name for magic, name in _FOREIGN.items() if head.lstrip().startswith(magic)), "something else")
    if head[4:8] == b"ftyp":
        found = "an HEIC or AVIF"
    raise DataError(f"{path}: expected a PNG, JPEG, WebP, TIFF or BMP file, got {found}; convert it to PNG")


def check_size(path: Path, height: int, width: int, max_pixels: int) -> None:
    """Raise `DataError` when a picture has more than `max_pixels` pixels."""
    if height * width > max_pixels:
        raise DataError(
            f"{path}: expected at most {max_pixels:,} pixels, got {height} x {width} = {height * width:,}; "
            "cut it into tiles or raise the limit"
        )


def _check_pages(path: Path, picture: Image.Image) -> None:
    """Refuse animations and multi-page files; a TIFF's smaller copies of itself (overviews) are not pages."""
    pages = getattr(picture, "n_frames", 1)
    if pages == 1 or picture.format == "MPO":
        return  # an MPO is a camera's JPEG that carries previews or a second eye: its first picture is the photo
    if isinstance(picture, TiffImageFile):
        pages = sum(_is_page(picture, page) for page in range(pages))
        picture.seek(0)
    if pages > 1:
        raise DataError(
            f"{path}: expected one picture, got {pages} pages or frames; save each one, or stack them in a .npy"
        )


def _is_page(picture: TiffImageFile, page: int) -> bool:
    picture.seek(page)
    return int(picture.tag_v2.get(254, 0)) & 1 == 0  # tag NewSubfileType, bit 0: a reduced-resolution copy


def orientation(picture: Image.Image) -> int:
    """The EXIF orientation, 1 to 8, still to be applied (call before decoding). Pillow itself turns TIFF files."""
    if isinstance(picture, TiffImageFile):
        return 1
    data = _png_exif(picture) if isinstance(picture, PngImageFile) else picture.info.get("exif")
    return _exif_orientation(data.removeprefix(b"Exif\0\0")) if data else 1


def _exif_orientation(exif: bytes) -> int:
    """The tag in the first directory; 1 where the metadata are damaged, since viewers show such a file as it is stored.

    Read by hand because Pillow prints a warning for every oddity elsewhere in the metadata.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, number, value = struct.unpack_from(f"{order}HHIH", exif, entry)
            if (tag, kind, number) == (_ORIENTATION, _SHORT, 1):
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def _png_exif(picture: PngImageFile) -> bytes | None:
    """The eXIf chunk wherever it stands; Pillow finds one that lies behind the pixels only by decoding them."""
    file = picture.fp
    assert file is not None
    start = file.tell()
    file.seek(8)
    found = None
    while found is None and len(header := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", header)
        if kind == b"eXIf":
            found = file.read(length)
        else:
            file.seek(length + 4, 1)
    file.seek(start)
    return found
