"""Writing GeoTIFF from the top down, a few rows at a time: bounded memory, whatever the size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segue.data.geotiff import BLOCK_CACHE, Georeference, ignore_missing_place
from segue.errors import RunError
from segue.extras import require

BLOCK = 256  # rows and columns of a block in the file

Array = NDArray[Any]


@dataclass(frozen=True)
class Layout:
    """What a raster to be written is, its pixels aside.

    `palette` gives colours to the values 0, 1, ... of a single band; `tags` are free text by name, `bands` a name for
    each band.
    """

    height: int
    width: int
    dtype: str
    georeference: Georeference | None
    nodata: float | None = None
    count: int = 1
    palette: Sequence[Sequence[int]] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    bands: Sequence[str] = ()


class RowWriter:
    """Takes rows from the top down and writes whole rows of blocks, so that none is compressed twice."""

    def __init__(self, dataset: Any, layout: Layout) -> None:  # noqa: ANN401 - rasterio's dataset
        self._dataset = dataset
        self._buffer = np.empty((layout.count, BLOCK, layout.width), layout.dtype)
        self._held = 0
        self._written = 0

    def add(self, rows: Array) -> None:
        """Append rows (height, width), or (bands, height, width)."""
        rows = rows[None] if rows.ndim == 2 else rows
        while rows.shape[1]:
            taken = min(rows.shape[1], BLOCK - self._held)
            self._buffer[:, self._held : self._held + taken] = rows[:, :taken]
            self._held += taken
            rows = rows[:, taken:]
            if self._held == BLOCK:
                self.flush()

    def flush(self) -> None:
        """Write what is held."""
        from rasterio.windows import Window

        if self._held:
            place = Window(0, self._written, self._buffer.shape[2], self._held)
            self._dataset.write(self._buffer[:, : self._held], window=place)
            self._written += self._held
            self._held = 0


@contextmanager
def raster_writer(path: Path, layout: Layout) -> Iterator[RowWriter]:
    """Create a compressed, tiled GeoTIFF at `path`; BigTIFF where it may grow past 4 GB.

    Raises:
        RunError: it cannot be written.
        MissingPackageError: rasterio is not installed.
    """
    rasterio = require("rasterio", "geo")
    from rasterio.errors import RasterioError

    ignore_missing_place()
    options: dict[str, Any] = {
        **{"height": layout.height, "width": layout.width, "count": layout.count, "dtype": layout.dtype},
        **{"tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK, "interleave": "band", "nodata": layout.nodata},
        **{"compress": "deflate", "predictor": 3 if layout.dtype.startswith("float") else 1, "BIGTIFF": "IF_SAFER"},
        **({"photometric": "PALETTE"} if layout.palette else {"photometric": "MINISBLACK"}),
    }
    if layout.georeference is not None:
        options |= {"crs": layout.georeference.crs, "transform": _affine(layout.georeference)}
    try:
        with (
            rasterio.Env(GDAL_CACHEMAX=BLOCK_CACHE, GDAL_PAM_ENABLED="NO"),
            rasterio.open(path, "w", driver="GTiff", **options) as dataset,
        ):
            _describe(dataset, layout)
            writer = RowWriter(dataset, layout)
            yield writer
            writer.flush()
    except RasterioError as error:
        reason = str(error.__cause__ or error).splitlines()[0][:160]
        raise RunError(f"{path}: could not be written: {reason}") from error


def _affine(place: Georeference) -> Any:  # noqa: ANN401 - rasterio's type of a transform
    from rasterio.transform import Affine

    return Affine(*place.transform)


def _describe(dataset: Any, layout: Layout) -> None:  # noqa: ANN401
    if layout.palette:
        dataset.write_colormap(1, {i: (*colour, 255) for i, colour in enumerate(layout.palette)})
    if layout.tags:
        dataset.update_tags(**layout.tags)
    for band, name in enumerate(layout.bands, 1):
        dataset.set_band_description(band, name)
