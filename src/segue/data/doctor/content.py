"""What a file is and whether it is whole, from its bytes alone: signature, checksums, end markers.

Decoding does not answer this. Pillow loads a PNG without its end and a JPEG with zeroed bytes in silence, and its
`verify()` passes a truncated JPEG, so the markers and checksums are looked at one by one.
"""

from __future__ import annotations

import zlib

READABLE = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
ENDINGS = {
    **{".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".webp": "WEBP"},
    **{".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP", ".dib": "BMP"},
}
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
    (b"GIF8", "GIF"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"%PDF", "PDF"),
    (b"8BPS", "Photoshop"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"\x93NUMPY", "NumPy"),
)
_ZEROS = bytes(32)  # 256 bits: some forty coefficients under the usual tables, whose shortest codes have 2 bits


def sniff(head: bytes) -> str:
    """Name the format whose signature `head` (the first 512 bytes or more) carries; "" when none is known.

    >>> sniff(b"%PDF-1.7")
    'PDF'
    """
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return "AVIF" if head[8:12] in (b"avif", b"avis") else "HEIC"
    if head[128:132] == b"DICM":
        return "DICOM"
    text = head[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return "SVG" if text.startswith((b"<svg", b"<?xml")) else ""


def damage(data: bytes, kind: str) -> tuple[str, str] | None:
    """Find damage in the bytes of a file of format `kind`: a code of the table and a sentence, or None.

    TIFF and BMP carry neither checksum nor end marker; for them the decoder has the last word.
    """
    checks = {"PNG": _png_damage, "JPEG": _jpeg_damage, "WEBP": _webp_damage}
    return checks[kind](data) if kind in checks else None


def _png_damage(data: bytes) -> tuple[str, str] | None:
    view, position = memoryview(data), 8
    while position + 12 <= len(data):
        name, end = (
            data[position + 4 : position + 8],
            position + 12 + int.from_bytes(data[position : position + 4], "big"),
        )
        if not name.isalpha():
            return "IMG_CORRUPT", f"expected a PNG chunk at byte {position}, got {name!r}"
        if end > len(data):
            return "IMG_TRUNCATED", f"PNG chunk {name.decode()} should end at byte {end}, the file has {len(data)}"
        if zlib.crc32(view[position + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            return "IMG_CORRUPT", f"the checksum of PNG chunk {name.decode()} at byte {position} does not match"
        if name == b"IEND":
            return None
        position = end
    return "IMG_TRUNCATED", f"expected the PNG end marker IEND, the file stops after {len(data)} bytes without it"


def _webp_damage(data: bytes) -> tuple[str, str] | None:
    declared = 8 + int.from_bytes(data[4:8], "little")
    if declared > len(data):
        return "IMG_TRUNCATED", f"the WebP header declares {declared} bytes, the file has {len(data)}"
    return None


def _jpeg_damage(data: bytes) -> tuple[str, str] | None:
    scan, zeros_are_damage = _jpeg_header(data)
    if scan is None:
        return "IMG_TRUNCATED", f"the JPEG header never ends ({len(data)} bytes)"
    end = data.rfind(b"\xff\xd9", scan)
    if end < 0:
        return "IMG_TRUNCATED", f"expected the JPEG end marker FFD9, the file stops after {len(data)} bytes without it"
    hole = data.find(_ZEROS, scan, end) if zeros_are_damage else -1
    if hole >= 0:
        return "IMG_CORRUPT", f"a run of zero bytes at byte {hole}, which no JPEG encoder writes there"
    return None


def _jpeg_header(data: bytes) -> tuple[int | None, bool]:
    """Where the first scan's data starts, and whether a run of zero bytes in it can only be damage.

    Zero bits are the first code of a Huffman table. Where the brightness table gives that code to anything but "end of
    block", a run of zeros is some forty equal coefficients in a row: noise that no picture has. Where it is "end of
    block" the run is a flat area, and in progressive files it may be refinement bits, so there nothing can be said.
    """
    position, baseline, first_symbols = 2, False, dict[int, int]()
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        body = data[position + 4 : position + 2 + length]
        if marker in (0xC0, 0xC1):
            baseline = True
        elif marker == 0xC4:
            first_symbols |= _first_ac_symbols(body)
        elif marker == 0xDA:
            brightness = first_symbols.get(body[2] & 15, 0) if len(body) > 2 else 0
            return position + 2 + length, baseline and brightness != 0
        position += 2 + length
    return None, False


def _first_ac_symbols(body: bytes) -> dict[int, int]:
    """For each AC table of a Huffman segment, what its first code stands for (0 is "end of block")."""
    symbols, position = {}, 0
    while position + 17 < len(body):
        if body[position] >> 4:  # table class 1: AC coefficients
            symbols[body[position] & 15] = body[position + 17]
        position += 17 + sum(body[position + 1 : position + 17])
    return symbols
