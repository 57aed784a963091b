"""Do two pictures look the same? A 64-bit difference hash, confirmed by small thumbnails.

dHash (http://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html): shrink to 9 x 8 grey, one
bit for each pixel brighter than its left neighbour. Pictures within 5 of 64 bits are candidates. The hash alone
mistakes plain or regular pictures (microscope fields, road surfaces) for one another, so plain ones are left out and
the others must also agree pixel by pixel in a 32 x 32 thumbnail, which the published method does not ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

BITS = 5  # most bits of the hash that may differ
THUMBNAIL = 32
COARSE = 4  # the thumbnail shrunk to 4 x 4 is taken off: lighting and the shape of the whole are what look-alikes share
CONTRAST = 6.0  # standard deviation of the thumbnail (of 255) below which a picture is too plain to compare
BUCKET = 4096  # of more pictures that share a band only so many are compared: a still camera's, which are all alike
DIFFERENCE = 0.17  # root mean square of the difference; measured: copies 0.02 to 0.2, different retinas from 0.19
_BANDS = tuple((start, 11 if start < 44 else 10) for start in (0, 11, 22, 33, 44, 54))  # 6 bands of 10 or 11 bits


@dataclass(frozen=True)
class Likeness:
    """What is kept of a picture to compare it: 64 bits and a 32 x 32 grey thumbnail."""

    bits: int
    thumbnail: bytes


def likeness(pixels: NDArray[Any]) -> Likeness | None:
    """Reduce `(height, width, channels)` on the 0-255 scale; None when the picture is too plain."""
    grey = pixels.mean(axis=2, dtype=np.float32) if pixels.shape[2] > 1 else pixels[..., 0]
    picture = Image.fromarray(np.clip(np.rint(grey), 0, 255).astype(np.uint8))
    thumbnail = np.asarray(picture.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BILINEAR))
    if thumbnail.std() < CONTRAST:
        return None
    small = np.asarray(picture.resize((9, 8), Image.Resampling.BOX)).astype(np.int16)
    bits = np.packbits(small[:, 1:] > small[:, :-1]).tobytes()
    return Likeness(int.from_bytes(bits, "big"), thumbnail.tobytes())


def alike(first: Likeness, second: Likeness) -> bool:
    """Whether two pictures are the same but for compression, size, brightness or a slight crop."""
    if (first.bits ^ second.bits).bit_count() > BITS:
        return False
    a, b = (_standardised(item.thumbnail) for item in (first, second))
    return bool(np.sqrt(np.mean((a - b) ** 2)) < DIFFERENCE)


def _standardised(thumbnail: bytes) -> NDArray[np.float32]:
    values = np.frombuffer(thumbnail, np.uint8).astype(np.float32).reshape(THUMBNAIL, THUMBNAIL)
    blocks = values.reshape(COARSE, THUMBNAIL // COARSE, COARSE, -1).mean(axis=(1, 3))
    coarse = Image.fromarray(blocks).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BICUBIC)
    detail = values - np.asarray(coarse)
    centred: NDArray[np.float32] = (detail - detail.mean()) / (detail.std() + np.float32(1e-6))
    return centred


class Finder:
    """Finds pictures like a given one among many, without comparing with all of them.

    The 64 bits are cut into 6 bands. Two codes that differ in at most 5 bits agree in at least one whole band, so only
    the pictures that share a band are compared: near linear in their number instead of quadratic.
    """

    def __init__(self, items: Sequence[Likeness]) -> None:
        self._items = items
        self._codes = np.array([item.bits for item in items], np.uint64)
        self._bands = [_Band.of(self._codes, start, width) for start, width in _BANDS]

    def like(self, query: Likeness, before: int | None = None, limit: int = 4) -> list[int]:
        """Positions of up to `limit` items that are alike, among the items in front of position `before`."""
        code = np.uint64(query.bits)
        near: set[int] = set()
        for band in self._bands:
            bucket = band.bucket(code)
            near.update(bucket[np.bitwise_count(self._codes[bucket] ^ code) <= BITS].tolist())
        found = []
        for place in sorted(near):
            if before is not None and place >= before:
                break
            if alike(self._items[place], query):
                found.append(place)
            if len(found) == limit:
                break
        return found


@dataclass(frozen=True)
class _Band:
    """Some bits of every code, sorted, so that all codes with the same bits there are neighbours."""

    start: int
    mask: int
    keys: NDArray[np.uint64]
    order: NDArray[np.intp]

    @classmethod
    def of(cls, codes: NDArray[np.uint64], start: int, width: int) -> _Band:
        mask = (1 << width) - 1
        keys = (codes >> np.uint64(start)) & np.uint64(mask)
        order = np.argsort(keys, kind="stable")
        return cls(start, mask, keys[order], order)

    def bucket(self, code: np.uint64) -> NDArray[np.intp]:
        key = (code >> np.uint64(self.start)) & np.uint64(self.mask)
        first, last = np.searchsorted(self.keys, [key, key + np.uint64(1)])
        return self.order[first : min(last, first + BUCKET)]
