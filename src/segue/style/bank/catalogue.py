"""The named styles: which there are, what they are called by, and their pictures."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from segue.errors import UsageError
from segue.table import Table, did_you_mean

LICENCE = "CC0-1.0"
PREFIX = "bank:"
SIDE = 768  # pixels a side of the picture that `bank:NAME` stands for
SMALLEST, LARGEST = 16, 2048  # pixels a side of what is drawn

PAINTERS = Table(
    "style of the bank",
    "segue.style.bank",
    **{
        "night-swirl": "oil:night_swirl",
        "autumn-dabs": "oil:autumn_dabs",
        "pointillism": "dots:pointillism",
        "halftone": "dots:halftone",
        "stained-glass": "cells:stained_glass",
        "mosaic": "cells:mosaic",
        "ink-hatching": "ink:ink_hatching",
        "woodcut": "ink:woodcut",
        "charcoal": "chalk:charcoal",
        "watercolour": "wash:watercolour",
        "cubist-shards": "shards:cubist_shards",
        "deco-fans": "ornament:deco_fans",
        "pixel-quilt": "ornament:pixel_quilt",
        "woodblock-waves": "wave:woodblock_waves",
        "marbling": "fluid:marbling",
        "batik": "fluid:batik",
    },
)
VERSIONS = dict.fromkeys(PAINTERS, 1)  # a drawing that comes out otherwise than before gets the next number


@dataclass(frozen=True)
class BankStyle:
    """One style of the bank; `about` says what it looks like, `version` which drawing of it this is."""

    name: str
    about: str
    version: int
    licence: str = LICENCE

    @property
    def reference(self) -> str:
        """What stands for it where a style picture is asked for."""
        return PREFIX + self.name

    @property
    def source(self) -> str:
        """Where the picture behind `bank:NAME` is from, for a record."""
        return f"{self.reference} version {self.version}, {SIDE} px"


def bank_style(name: str) -> BankStyle:
    """The style of that name, with or without `bank:` in front; raises `UsageError` with the nearest names."""
    name = name.removeprefix(PREFIX)
    if name not in PAINTERS:
        raise UsageError(f"unknown style of the bank {name!r}: {did_you_mean(name, list(PAINTERS))}")
    return BankStyle(name, PAINTERS.about(name), VERSIONS[name])


def in_bank(path: Path | str) -> BankStyle | None:
    """The style that `bank:NAME` stands for; None for what is a file. Raises `UsageError` for a name there is not."""
    return bank_style(str(path)) if str(path).startswith(PREFIX) else None


@lru_cache(maxsize=len(VERSIONS))
def draw(name: str, height: int = SIDE, width: int = SIDE, seed: int = 0) -> UInt8[np.ndarray, "height width 3"]:
    """The picture of a style in RGB from 0 to 255, read-only.

    The same name, size and seed give the same bytes on one platform; another size shows the same forms in more or less
    detail, another seed other forms in the same style.

    Raises:
        UsageError: there is no such style, or the size is out of range.
    """
    if not SMALLEST <= min(height, width) <= max(height, width) <= LARGEST:
        raise UsageError(f"expected a style of {SMALLEST} to {LARGEST} pixels a side, got {height} x {width}")
    painter = PAINTERS[name]
    rng = np.random.Generator(np.random.Philox(key=[seed, zlib.crc32(name.encode())]))
    picture = np.asarray(painter((height, width), rng))
    pixels = np.asarray(np.rint(np.clip(picture, 0, 1) * 255), np.uint8)
    pixels.flags.writeable = False  # all who ask get the same array
    return pixels


def sha256_of_pixels(pixels: UInt8[np.ndarray, "height width 3"]) -> str:
    """SHA-256 of a drawn picture: its height, its width and its bytes row by row."""
    return hashlib.sha256(f"{pixels.shape[0]}x{pixels.shape[1]}:".encode() + pixels.tobytes()).hexdigest()
