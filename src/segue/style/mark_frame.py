"""The 48 bits of a watermark: a tag that says it is Segue's, the number of a record, and a check sum.

Of random bits one frame in 2^24 passes for a mark: 8 bits of tag and 16 of check sum have to be right.
"""

from __future__ import annotations

import binascii

import numpy as np
from jaxtyping import UInt8

TAG = 0x5E
NUMBER_BITS = 24
FRAME_BITS = 8 + NUMBER_BITS + 16


def framed(number: int) -> UInt8[np.ndarray, "48"]:
    """The bits that stand for `number`, 0 to 2^24 - 1."""
    if not 0 <= number < 1 << NUMBER_BITS:
        raise ValueError(f"expected a number of {NUMBER_BITS} bits, got {number}")
    content = bytes([TAG]) + number.to_bytes(NUMBER_BITS // 8)
    return np.unpackbits(np.frombuffer(content + _check(content), np.uint8))


def unframed(bits: UInt8[np.ndarray, "48"]) -> int | None:
    """The number that 48 bits stand for; None where tag or check sum are wrong."""
    frame = np.packbits(bits).tobytes()
    content, check = frame[:-2], frame[-2:]
    if content[0] != TAG or check != _check(content):
        return None
    return int.from_bytes(content[1:])


def _check(content: bytes) -> bytes:
    """CRC-16/CCITT, started from ones, so that a frame of zeros is none."""
    return binascii.crc_hqx(content, 0xFFFF).to_bytes(2)
