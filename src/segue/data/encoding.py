"""From raw mask values to class ids, given what the values mean."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segue.data.classes import IGNORE, Classes, Value
from segue.data.geotiff import NODATA
from segue.data.image import mask_palette
from segue.data.survey import pack, packed_pixels
from segue.errors import DataError

Ids = NDArray[np.uint8]
_UNKNOWN = -1


def encode(raw: NDArray[Any], classes: Classes, path: Path | None = None) -> Ids:
    """Turn a mask as `read_mask` gives it into class ids `(height, width)`, `IGNORE` (255) where a value is ignored.

    A colour file that holds grey only serves as an index mask. In a data set coded by colour, a single-channel mask is
    looked up in the palette of the file at `path`, or taken as grey where there is none. Pixels for which a raster has
    no data are `IGNORE`.

    Args:
        raw: `(H, W)` or `(H, W, 3)` values.
        classes: what the values mean.
        path: the mask's file, for its palette and for messages.

    Raises:
        DataError: a value is neither a class nor ignored; says which, how many pixels, and where.
    """
    if not classes.coded_by_colour:
        ids = _index_table(classes)[_as_index(raw, path)]
    elif raw.ndim == 3:
        ids = _colour_ids(packed_pixels(raw), classes)
    else:
        palette = mask_palette(path) if path is not None else None
        colours = [pack(colour) for colour in palette] if palette else [value * 0x010101 for value in range(256)]
        table = np.full(NODATA + 1, _UNKNOWN, np.int16)
        table[: len(colours)] = _colour_ids(np.array(colours), classes)
        table[NODATA] = IGNORE
        ids = table[raw]
    if ids.size and int(ids.min()) == _UNKNOWN:
        raise _unknown(raw, ids, path)
    encoded: Ids = ids.astype(np.uint8)
    return encoded


def _as_index(raw: NDArray[Any], path: Path | None) -> NDArray[Any]:
    if raw.ndim == 2:
        return raw
    grey: NDArray[Any] = raw[..., 0]
    if (raw[..., 1] == grey).all() and (raw[..., 2] == grey).all():
        return grey
    raise DataError(f"{path or 'mask'}: expected an index mask like the others, got a colour one; export all alike")


@lru_cache(maxsize=8)
def _index_table(classes: Classes) -> NDArray[np.int16]:
    table = np.full(NODATA + 1, _UNKNOWN, np.int16)
    ids = classes.ids()
    table[np.array(list(ids), np.int64)] = list(ids.values())
    table[NODATA] = IGNORE
    return table


@lru_cache(maxsize=8)
def _colour_table(classes: Classes) -> tuple[NDArray[np.int32], NDArray[np.int16]]:
    """Packed colours in ascending order, and the id of each."""
    ids = {_packed(value): number for value, number in classes.ids().items()}
    return np.array(sorted(ids), np.int32), np.array([ids[colour] for colour in sorted(ids)], np.int16)


def _packed(value: Value) -> int:
    return pack(value) if isinstance(value, tuple) else value * 0x010101


def _colour_ids(packed: NDArray[Any], classes: Classes) -> NDArray[np.int16]:
    colours, ids = _colour_table(classes)
    place = np.minimum(np.searchsorted(colours, packed), len(colours) - 1)
    found: NDArray[np.int16] = np.where(colours[place] == packed, ids[place], np.int16(_UNKNOWN))
    return found


def _unknown(raw: NDArray[Any], ids: NDArray[np.int16], path: Path | None) -> DataError:
    stray = raw[ids == _UNKNOWN]
    values, counts = np.unique(packed_pixels(stray) if raw.ndim == 3 else stray, return_counts=True)
    order = np.argsort(-counts)[:5]
    shown = ", ".join(
        f"{f'#{v:06X}' if raw.ndim == 3 else v} ({n} pixels)"
        for v, n in zip(values[order].tolist(), counts[order].tolist(), strict=True)
    )
    more = f" and {len(values) - 5} more" if len(values) > 5 else ""
    return DataError(
        f"{path or 'mask'}: expected values of the known classes, got {shown}{more}; "
        "correct the mask, or ignore the value"
    )
