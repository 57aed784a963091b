"""The first directory of a TIFF, read by hand: its size, its bands, and whether it is a raster rather than a picture.

A raster places its pixels on the Earth, declares a value that stands for "no data", or holds bands no picture has. It
is read by `segue.data.geotiff`; all other TIFF files are pictures and stay with Pillow. No package is needed to tell.

Layout of the file: TIFF 6.0 (Adobe, 1992), BigTIFF, the GeoTIFF keys of OGC 19-008r4, and GDAL's own tags.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

WIDTH, HEIGHT, BITS, PHOTOMETRIC, BANDS, EXTRA, SAMPLE_FORMAT = 256, 257, 258, 262, 277, 338, 339
GEOREFERENCE = (33550, 33922, 34264, 34735)  # pixel scale, tie points, transformation, geo keys
NO_DATA = 42113  # GDAL_NODATA
BLOCKS = ((273, 279), (324, 325))  # offsets and byte counts of strips, of tiles
UNSIGNED, SIGNED, FLOAT = 1, 2, 3  # values of SAMPLE_FORMAT
COLOUR_MODELS = (5, 6, 8)  # CMYK, YCbCr, L*a*b*: what Pillow turns into RGB
ALPHA = (1, 2)  # values of EXTRA that make a band transparency
MOST_VALUES, MOST_TAGS = 1 << 24, 1 << 12  # of one tag, of one directory; more is damage

_FORMATS = {1: "B", 2: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q"}


@dataclass(frozen=True)
class Tiff:
    """The first directory of a file: each tag with its type, its number of values and where they stand."""

    path: Path
    order: str
    entries: dict[int, tuple[int, int, int]]

    def values(self, tag: int) -> tuple[int, ...]:
        """The whole numbers of a tag; none where it is absent, of another type, or damaged."""
        kind, count, position = self.entries.get(tag, (0, 0, 0))
        if kind not in _FORMATS or count > MOST_VALUES:
            return ()
        code = f"{self.order}{count}{_FORMATS[kind]}"
        try:
            with self.path.open("rb") as file:
                file.seek(position)
                return struct.unpack(code, file.read(struct.calcsize(code)))
        except (OSError, ValueError, struct.error):  # the place is behind the end of the file, or no place at all
            return ()

    def value(self, tag: int, default: int) -> int:
        """The first number of a tag."""
        return next(iter(self.values(tag)), default)

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.value(HEIGHT, 0), self.value(WIDTH, 0)

    @cached_property
    def is_raster(self) -> bool:
        """Whether the file is more than a picture; see this module's docstring."""
        if any(tag in self.entries for tag in (*GEOREFERENCE, NO_DATA)):
            return True
        if self.value(PHOTOMETRIC, 0) in COLOUR_MODELS:
            return False
        bands = self.value(BANDS, 1)
        colours = bands - sum(kind in ALPHA for kind in self.values(EXTRA))
        odd_numbers = self.value(SAMPLE_FORMAT, UNSIGNED) != UNSIGNED or self.value(BITS, 1) > 16
        return colours not in (1, 3) or (bands > 1 and odd_numbers)

    @property
    def numbers(self) -> str:
        """What one value is: `8-bit`, `integer` (more bits, or signed) or `float`."""
        kind = self.value(SAMPLE_FORMAT, UNSIGNED)
        if kind == FLOAT:
            return "float"
        return "8-bit" if self.value(BITS, 1) <= 8 and kind == UNSIGNED else "integer"

    def is_cut(self) -> bool:
        """Whether a strip or tile is said to lie behind the end of the file."""
        end = self.path.stat().st_size
        for offsets, counts in BLOCKS:
            blocks = zip(self.values(offsets), self.values(counts), strict=False)
            if any(start + length > end for start, length in blocks):
                return True
        return False


def read_tiff(path: Path) -> Tiff | None:
    """The first directory of the file at `path`, None where that is no TIFF or its directory is damaged."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
            order = {b"II": "<", b"MM": ">"}.get(head[:2])
            if order is None:
                return None
            layout = _Layout.of(head, order)
            if layout is None:
                return None
            file.seek(layout.first)
            (number,) = struct.unpack(order + layout.number, file.read(struct.calcsize(layout.number)))
            start, length = file.tell(), struct.calcsize(order + layout.entry)
            content = file.read(min(number, MOST_TAGS) * length)
        rows = list(struct.iter_unpack(order + layout.entry, content))
    except (OSError, struct.error, OverflowError):
        return None
    if len(rows) < number:
        return None
    return Tiff(path, order, {row[0]: _located(order, layout, start + i * length, row) for i, row in enumerate(rows)})


@dataclass(frozen=True)
class _Layout:
    """Where the first directory is, and the `struct` codes of its length and of one entry."""

    first: int
    number: str
    entry: str

    @staticmethod
    def of(head: bytes, order: str) -> _Layout | None:
        version = struct.unpack(f"{order}H", head[2:4])[0] if len(head) == 16 else 0
        if version == 42:
            return _Layout(struct.unpack(f"{order}I", head[4:8])[0], "H", "HHII")
        return _Layout(struct.unpack(f"{order}Q", head[8:])[0], "Q", "HHQQ") if version == 43 else None

    @property
    def room(self) -> int:
        """Bytes in which an entry holds its values; more of them stand elsewhere, at the offset the entry holds."""
        return 4 if self.number == "H" else 8


def _located(order: str, layout: _Layout, place: int, row: tuple[int, int, int, int]) -> tuple[int, int, int]:
    _, kind, count, offset = row
    length = count * struct.calcsize(f"{order}{_FORMATS.get(kind, 'Q')}")
    inside = place + struct.calcsize(order + layout.entry) - layout.room
    return kind, count, inside if length <= layout.room else offset
