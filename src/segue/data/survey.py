"""Looking through all masks of a data set: which values they hold, how often, and whether these can be labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segue.data.geotiff import NODATA
from segue.data.image import mask_palette, read_mask
from segue.data.parallel import in_order
from segue.data.published import Colour
from segue.errors import DataError

_FEW = 8  # a mask with no more values than this is not suspected of soft edges


@dataclass(frozen=True)
class MaskValues:
    """The values of one mask with their pixel counts; colours are packed as 0xRRGGBB.

    `kind` is "colour", or "index" for single-channel masks and for colour files that hold grey only. `palette` gives
    the colours of a palette file's indices.
    """

    path: Path
    kind: str
    pixels: dict[int, int]
    palette: tuple[Colour, ...] | None = None

    def colours(self) -> dict[int, int]:
        """The same counts by packed colour: palettes looked up, grey as equal parts."""
        if self.kind == "colour":
            return self.pixels
        counts: dict[int, int] = {}
        for value, count in self.pixels.items():
            packed = pack(self.palette[value]) if self.palette and value < len(self.palette) else value * 0x010101
            counts[packed] = counts.get(packed, 0) + count
        return counts


def pack(colour: Colour) -> int:
    """A colour as one number, 0xRRGGBB."""
    return colour[0] << 16 | colour[1] << 8 | colour[2]


def unpack(packed: int) -> Colour:
    """The colour of a number 0xRRGGBB."""
    return packed >> 16, packed >> 8 & 255, packed & 255


def packed_pixels(raw: NDArray[np.uint8]) -> NDArray[np.int32]:
    """`(H, W, 3)` as `(H, W)` numbers 0xRRGGBB."""
    red, green, blue = (raw[..., band].astype(np.int32) for band in range(3))
    return red << 16 | green << 8 | blue


def survey(masks: Sequence[Path]) -> list[MaskValues]:
    """Read every mask once, several at a time, in order.

    Raises:
        DataError: a mask cannot be read, or it is smoothed or compressed with loss, so its values are no labels.
    """
    return list(in_order(mask_values, masks))


def mask_values(path: Path) -> MaskValues:
    """Read one mask and count its values.

    Raises:
        DataError: as for `survey`.
    """
    raw = read_mask(path)
    plane: NDArray[np.integer] = packed_pixels(raw) if raw.ndim == 3 else raw
    values, counts = _counted(plane)
    if _is_soft(path, plane, values, counts):
        some = ", ".join(f"#{v:06X}" if raw.ndim == 3 else str(v) for v in values[np.argsort(counts)[:3]].tolist())
        raise DataError(
            f"{path}: expected one value per class, got {len(values)}, most along borders ({some}, ...): the mask "
            "was smoothed or saved as JPEG; export it as PNG without smoothing, or repair it with segue doctor --fix"
        )
    kind = "index"
    if raw.ndim == 3:
        grey = (values >> 16 == values & 255) & (values >> 8 & 255 == values & 255)
        kind, values = ("index", values & 255) if grey.all() else ("colour", values)
    pixels = dict(zip(values.tolist(), counts.tolist(), strict=True))
    if raw.ndim == 2:
        pixels.pop(NODATA, None)  # where a raster has no data there is no value either
    return MaskValues(
        path,
        kind,
        pixels,
        mask_palette(path) if raw.ndim == 2 else None,
    )


def _counted(plane: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Distinct values and their counts. Masks are flat, so counting runs is far quicker than sorting pixels."""
    flat = plane.ravel()
    if flat.dtype == np.uint8:
        counts = np.bincount(flat, minlength=256)
        values = np.flatnonzero(counts)
        return values, counts[values]
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    values, which = np.unique(flat[starts].astype(np.int64), return_inverse=True)
    lengths = np.diff(starts, append=len(flat))
    return values, np.bincount(which, weights=lengths).astype(np.int64)


def _is_soft(path: Path, plane: NDArray[np.integer], values: NDArray[np.int64], counts: NDArray[np.int64]) -> bool:
    """Whether values come from smoothing or lossy compression.

    Real classes, however rare, nearly always fill some 2 x 2 block; mixed values along an edge do not. A mask is soft
    when it has many values and most of them fill next to no block.
    """
    if path.suffix.lower() in (".jpg", ".jpeg", ".jpe", ".jfif") and not set(values.tolist()) <= {0, 255, 0xFFFFFF}:
        return True
    if len(values) <= _FEW:
        return False
    corner = plane[:-1, :-1]
    uniform = (corner == plane[1:, :-1]) & (corner == plane[:-1, 1:]) & (corner == plane[1:, 1:])
    solid = np.bincount(np.searchsorted(values, corner[uniform]), minlength=len(values))
    return bool((solid * 20 < counts).sum() * 2 > len(values))
