"""The doctor's corpus: small data sets with one planted fault each, and the finding each must lead to.

Run `PYTHONPATH=.. python -m corpus FOLDER` in tests/data to write them out and look at them. Every case starts from the
same six sound pairs, changes one thing, and names the file the finding must point at and its code; an empty code means
"nothing above info". Cases that a file system cannot hold (names that are not UTF-8 on macOS, pipes on Windows) are
left out.
"""

from __future__ import annotations

from pathlib import Path

from corpus.base import (
    HEIGHT,
    WIDTH,
    Case,
    encoded,
    good_set,
    image_file,
    in_every_mask,
    in_mask,
    labels,
    mask_file,
    picture,
    save,
)
from corpus.contents import decode_cases
from corpus.exif import exif_cases, rotated
from corpus.leaks import leak, leakage_cases
from corpus.masks import COLOURS, mask_cases, resampled
from corpus.modes import mode_cases
from corpus.pairs import pairing_cases
from corpus.rasters import raster_cases
from corpus.sizes import size_cases
from corpus.tree import tree_cases

__all__ = [
    "COLOURS",
    "HEIGHT",
    "WIDTH",
    "cases",
    "encoded",
    "good_set",
    "image_file",
    "in_every_mask",
    "in_mask",
    "labels",
    "leak",
    "mask_file",
    "picture",
    "resampled",
    "rotated",
    "save",
    "write",
]


def cases() -> list[Case]:
    """The whole corpus."""
    makers = (
        *(decode_cases, mode_cases, exif_cases, mask_cases, pairing_cases, tree_cases, size_cases, leakage_cases),
        raster_cases,
    )
    return [case for make in makers for case in make()]


def write(folder: Path) -> list[Case]:
    """Write every case as a folder of its own and return them."""
    for number, case in enumerate(cases()):
        case.plant(good_set(folder / f"{number:03d}"))
    return cases()
