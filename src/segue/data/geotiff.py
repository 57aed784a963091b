"""Reading GeoTIFF: any number of bands, any numbers, "no data", whole or by the window. GDAL does it, through rasterio.

A pixel without data is one that

- the file's mask or alpha band leaves out, or
- holds NaN, infinity or what float32 cannot hold in any band, or
- holds the declared value in any band; where that value is an end of an unsigned type (0, 255, 65535), in every band:
  dark and clipped pixels reach these ends in one band or another.

An alpha band is never an image band. Stored numbers are taken as they are, without a band's scale and offset.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray

from segue.data.opening import check_size
from segue.data.tiff import read_tiff
from segue.errors import DataError
from segue.extras import require

NODATA = 65536  # in a mask that was read: a pixel without data; one more than any value a mask file can hold
VALUES_PER_PIXEL = 4  # of the limit on pixels: an image of more bands may have fewer of them
BLOCK_CACHE = 64 * 2**20  # bytes of decoded blocks that GDAL keeps; its default is a twentieth of the machine's memory
ROWS_AT_ONCE = 16 * 2**20  # values read at a time by `row_blocks`

Array = NDArray[Any]
Missing = Bool[np.ndarray, "height width"]
Window = tuple[int, int, int, int]  # left, upper, right, lower, in whole pixels


@dataclass(frozen=True)
class Georeference:
    """Where the pixels lie: `crs` is rasterio's object or None; `transform` six numbers, x = a column + b row + c."""

    crs: Any
    transform: tuple[float, ...]


@dataclass(frozen=True)
class Raster:
    """What the header says. `bands` are those with content, counted from one; `alpha` is the one that is none."""

    path: Path
    height: int
    width: int
    bands: tuple[int, ...]
    dtype: str
    nodata: float | None
    alpha: int | None
    has_mask: bool
    palette: tuple[tuple[int, int, int], ...] | None
    lossy: bool
    georeference: Georeference | None


@contextmanager
def opened_raster(path: Path, **options: str) -> Iterator[tuple[Any, Raster]]:
    """Open a raster for reading, as rasterio's dataset and our record of it; every failure becomes a `DataError`.

    Args:
        path: the file; it is opened as GeoTIFF whatever its name says.
        options: open options of GDAL's driver.

    Raises:
        DataError: broken, cut off, of complex numbers or of several pages.
        MissingPackageError: rasterio is not installed.
    """
    rasterio = require("rasterio", "geo")
    ignore_missing_place()
    with rasterio.Env(GDAL_CACHEMAX=BLOCK_CACHE), ExitStack() as stack:
        with _decoding(path):
            dataset = stack.enter_context(rasterio.open(path, driver="GTiff", **options))
            raster = _described(dataset, path)
        yield dataset, raster


@contextmanager
def _decoding(path: Path) -> Iterator[None]:
    """Turn what rasterio raises on a file it cannot decode into one `DataError`."""
    try:
        yield
    except DataError:
        raise
    except MemoryError:
        raise DataError(f"{path}: not enough memory to decode it; cut it into tiles") from None
    except Exception as error:  # rasterio lets GDAL's own errors through, and those have no public base
        tiff = read_tiff(path)
        if tiff is None or tiff.is_cut():
            raise DataError(
                f"{path}: expected a whole raster, the file ends before its pixels do; copy it again"
            ) from EOFError("truncated")
        reason = str(error.__cause__ or error).splitlines()[0][:160]
        raise DataError(f"{path}: expected a raster, cannot decode it ({reason}); export it again") from error


def ignore_missing_place() -> None:
    """Never warn that a raster has no place on the Earth: it is as good as others here.

    `catch_warnings` is not safe in threads, so one filter stays, for this warning of rasterio's alone.
    """
    from rasterio.errors import NotGeoreferencedWarning as Kind

    if not any(entry[0] == "ignore" and entry[2] is Kind for entry in warnings.filters):
        warnings.simplefilter("ignore", Kind)


def _described(dataset: Any, path: Path) -> Raster:  # noqa: ANN401 - rasterio's dataset
    from rasterio.enums import ColorInterp, MaskFlags

    kinds = dataset.colorinterp
    dtype = np.dtype(dataset.dtypes[0])
    if dtype.kind not in "uif":
        raise DataError(f"{path}: expected real numbers, got {dtype}; save amplitude and phase as bands")
    if dataset.subdatasets:
        raise DataError(f"{path}: expected one raster, got {len(dataset.subdatasets)} pages or frames; save each one")
    alpha = next((band for band, kind in enumerate(kinds, 1) if kind == ColorInterp.alpha and len(kinds) > 1), None)
    flags = dataset.mask_flag_enums[0]
    placed = dataset.crs is not None or not dataset.transform.is_identity
    return Raster(
        path=path,
        height=dataset.height,
        width=dataset.width,
        bands=tuple(band for band in dataset.indexes if band != alpha),
        dtype=dtype.name,
        nodata=dataset.nodata,
        alpha=alpha,
        has_mask=MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags,
        palette=_palette(dataset) if kinds[0] == ColorInterp.palette and len(kinds) == 1 else None,
        lossy="JPEG" in dataset.tags(ns="IMAGE_STRUCTURE").get("COMPRESSION", ""),
        georeference=Georeference(dataset.crs, tuple(dataset.transform)[:6]) if placed else None,
    )


def _palette(dataset: Any) -> tuple[tuple[int, int, int], ...]:  # noqa: ANN401
    colours = dataset.colormap(1)
    return tuple(tuple(colours.get(i, (0, 0, 0))[:3]) for i in range(max(colours) + 1))


def raster_info(path: Path) -> Raster:
    """The header alone; raises as `opened_raster` does."""
    with opened_raster(path) as (_, raster):
        return raster


def has_data_everywhere(raster: Raster) -> bool:
    """Whether the header alone says that every pixel has data."""
    return raster.nodata is None and raster.alpha is None and not raster.has_mask and raster.dtype[0] in "ui"


def read_raster(path: Path, max_pixels: int) -> tuple[Array, Missing | None]:
    """All values (height, width, bands) in the type the file stores, and the pixels without data (None: there is none).

    A palette raster gives the RGB colours its indices stand for.

    Raises:
        DataError: as for `opened_raster`, or there are more than `max_pixels` pixels, or four times as many values.
    """
    with opened_raster(path) as (dataset, raster):
        check_raster_size(path, raster, max_pixels)
        values, missing = read_part(dataset, raster, (0, 0, raster.width, raster.height))
    return coloured(values, raster), missing


def read_window(path: Path, window: Window) -> tuple[Array, Missing | None]:
    """What `read_raster` gives, cut to `window`, without decoding more than the blocks the window touches.

    Raises:
        DataError: as for `opened_raster`, or the window is empty or sticks out of the raster.
    """
    with opened_raster(path) as (dataset, raster):
        left, upper, right, lower = window
        if not (0 <= left < right <= raster.width and 0 <= upper < lower <= raster.height):
            raise DataError(f"{path}: expected a window inside {raster.width} x {raster.height} pixels, got {window}")
        values, missing = read_part(dataset, raster, window)
    return coloured(values, raster), missing


def read_grid(path: Path, side: int) -> tuple[Array, Missing | None]:
    """Every n-th row and column, so that neither has more than `side`, as `read_raster` gives them; no averaging."""
    with opened_raster(path, OVERVIEW_LEVEL="NONE") as (dataset, raster):
        size = (min(side, raster.height), min(side, raster.width))
        values, missing = read_part(dataset, raster, (0, 0, raster.width, raster.height), size)
    return coloured(values, raster), missing


def read_labels(path: Path, max_pixels: int, window: Window | None = None) -> tuple[Array, Missing | None]:
    """The values of a mask (height, width), or (height, width, 3) for colours, and the pixels without data.

    Cut to `window` when given; then the limit on pixels does not apply.

    Raises:
        DataError: as for `read_raster`, or there are two bands or more than three, or three with pixels without data.
    """
    with opened_raster(path) as (dataset, raster):
        if window is None:
            check_raster_size(path, raster, max_pixels)
        bands = len(raster.bands)
        if bands not in (1, 3):
            raise DataError(f"{path}: expected a mask of one band, got {bands}; export class numbers in one band")
        values, missing = read_part(dataset, raster, window or (0, 0, raster.width, raster.height))
    if bands == 3 and missing is not None:
        raise DataError(f"{path}: expected a mask of one band beside 'no data', got three; export class numbers")
    return values if bands == 3 else values[..., 0], missing


def row_blocks(dataset: Any, raster: Raster) -> Iterator[tuple[Array, Missing | None]]:  # noqa: ANN401
    """All rows from the top down, as many at a time as fit in a bounded buffer; palettes are not looked up."""
    step = max(1, ROWS_AT_ONCE // (raster.width * len(raster.bands)))
    for top in range(0, raster.height, step):
        yield read_part(dataset, raster, (0, top, raster.width, min(raster.height, top + step)))


def read_part(
    dataset: Any,  # noqa: ANN401 - rasterio's dataset
    raster: Raster,
    window: Window,
    size: tuple[int, int] | None = None,
) -> tuple[Array, Missing | None]:
    """Values (rows, columns, bands) and missing pixels of a window, thinned out to `size` (rows, columns) if given."""
    from rasterio.windows import Window as Place

    left, upper, right, lower = window
    rows, columns = size or (lower - upper, right - left)
    place: dict[str, Any] = {"window": Place(left, upper, right - left, lower - upper)}
    with _decoding(raster.path):
        bands = dataset.read(list(raster.bands), out_shape=(len(raster.bands), rows, columns), **place)
        values = np.ascontiguousarray(np.moveaxis(bands, 0, 2))
        missing = _missing(values, raster.nodata)
        if raster.alpha is not None:
            missing |= dataset.read(raster.alpha, out_shape=(rows, columns), **place) == 0
        elif raster.has_mask:
            missing |= dataset.read_masks(1, out_shape=(rows, columns), **place) == 0
    return values, missing if missing.any() else None


def _missing(values: Array, nodata: float | None) -> Missing:
    missing = np.zeros(values.shape[:2], bool)
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):
            missing |= ~np.isfinite(values.astype(np.float32, copy=False)).all(axis=2)
    if nodata is None or not np.isfinite(nodata):
        return missing
    with np.errstate(over="ignore"):  # a declared value beyond the type's range is held by no pixel
        absent = values == (values.dtype.type(nodata) if values.dtype.kind == "f" else nodata)
    is_end = values.dtype.kind == "u" and nodata in (0, np.iinfo(values.dtype).max)
    return np.asarray(missing | (absent.all(axis=2) if is_end else absent.any(axis=2)))


def coloured(values: Array, raster: Raster) -> Array:
    """Palette indices as the RGB colours they stand for; other values as they are."""
    if raster.palette is None:
        return values
    table = np.zeros((1 << 16, 3), np.uint8)
    table[: len(raster.palette)] = raster.palette
    return table[values[..., 0]]


def check_raster_size(path: Path, raster: Raster, max_pixels: int) -> None:
    """Raise `DataError` when there are more pixels or more values than may be decoded at once."""
    check_size(path, raster.height, raster.width, max_pixels)
    if raster.height * raster.width * len(raster.bands) > VALUES_PER_PIXEL * max_pixels:
        raise DataError(
            f"{path}: expected at most {VALUES_PER_PIXEL * max_pixels:,} values, got {raster.height} x {raster.width} "
            f"pixels in {len(raster.bands)} bands; cut it into tiles"
        )
