"""Pictures too large to decode."""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Iterator

from corpus.base import Case, in_image, mask_file, write_file


@functools.cache
def bomb(side: int) -> bytes:
    """A one-bit PNG of side x side zeros: a few hundred kilobytes that unfold to gigabytes."""
    compressor = zlib.compressobj(9)
    row = bytes(1 + (side + 7) // 8)
    body = b"".join(compressor.compress(row) for _ in range(side)) + compressor.flush()
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)), (b"IDAT", body), (b"IEND", b"")]
    parts = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def size_cases() -> Iterator[Case]:
    yield Case("30 000 x 30 000 pixels", "IMG_BOMB", in_image(lambda: bomb(30_000)))
    yield Case("mask of 20 000 x 20 000 pixels", "IMG_BOMB", lambda root: write_file(mask_file(root), bomb(20_000)))
