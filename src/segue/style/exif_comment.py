"""A text in the EXIF field UserComment of a JPEG, written and read by hand.

By hand because Pillow prints a warning for every oddity elsewhere in foreign metadata, and trusts the lengths
they claim.  Layout: EXIF 2.32 (CIPA DC-008), which is a TIFF 6.0 directory that points to a second one.
"""

from __future__ import annotations

import struct

PREFIX = b"Exif\0\0"
LONGEST = 0xFFFF - 2 - len(PREFIX)  # bytes of metadata that fit in a JPEG segment

_EXIF_DIRECTORY, _USER_COMMENT = 0x8769, 0x9286
_LONG, _UNDEFINED = 4, 7  # types of values
_ASCII = b"ASCII\0\0\0"  # the character code in front of the text
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_MOST_ENTRIES = 1 << 12  # in a directory; more is damage


def with_comment(text: str) -> bytes:
    """EXIF metadata that hold `text`, which has to be ASCII, and nothing else.

    Raises:
        ValueError: it is longer than a JPEG segment.
    """
    comment = _ASCII + text.encode("ascii")
    directory = struct.Struct("<HHHIII")  # count of entries, then tag, type, count, value; where the next directory is
    first, second = 8, 8 + directory.size
    metadata = b"II*\0" + struct.pack("<I", first)
    metadata += directory.pack(1, _EXIF_DIRECTORY, _LONG, 1, second, 0)
    metadata += directory.pack(1, _USER_COMMENT, _UNDEFINED, len(comment), second + directory.size, 0) + comment
    if len(metadata) > LONGEST:
        raise ValueError(f"expected EXIF metadata of at most {LONGEST} bytes, got {len(metadata)}")
    return PREFIX + metadata


def comment_in(exif: bytes) -> str | None:
    """The ASCII text in UserComment; None where there is none, or where the metadata are damaged."""
    metadata = exif.removeprefix(PREFIX)
    order = _ORDERS.get(metadata[:4])
    if order is None:
        return None
    try:
        (first,) = struct.unpack_from(f"{order}I", metadata, 4)
        _, second = _entry(metadata, order, first, _EXIF_DIRECTORY)
        length, start = _entry(metadata, order, second, _USER_COMMENT)
    except (struct.error, KeyError):
        return None
    content = metadata[start : start + length]
    if not content.startswith(_ASCII) or len(content) < length:
        return None
    return content.removeprefix(_ASCII).rstrip(b"\0 ").decode("ascii", errors="replace")


def _entry(metadata: bytes, order: str, start: int, wanted: int) -> tuple[int, int]:
    """Count and value of a tag in the directory at `start`; raises KeyError where it is absent."""
    (count,) = struct.unpack_from(f"{order}H", metadata, start)
    for number in range(min(count, _MOST_ENTRIES)):
        tag, _, length, value = struct.unpack_from(f"{order}HHII", metadata, start + 2 + 12 * number)
        if tag == wanted:
            return length, value
    raise KeyError(wanted)
