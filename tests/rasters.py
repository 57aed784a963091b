"""GeoTIFFs for tests: single files, and a learnable data set of several bands.

    from rasters import write_raster, write_raster_folders

What is written is what common tools write: tiled or striped, compressed, with or without a place on the Earth.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning

from fakes import scene

CRS = "EPSG:32631"  # UTM zone 31 north, metres
TRANSFORM = Affine(10, 0, 500_000, 0, -10, 4_600_000)  # 10 m to a pixel
BLOCKS = {"tiled": True, "blockxsize": 16, "blockysize": 16}


def write_raster(path: Path, values: np.ndarray, **options: Any) -> Path:
    """Write (height, width[, bands]) in its own type. `alpha` is a last band, `tags` and `palette` go into the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = values[..., None] if values.ndim == 2 else values
    palette, alpha = options.pop("palette", None), options.pop("alpha", None)
    if alpha is not None:
        pixels = np.concatenate([pixels, alpha[..., None]], axis=2)
        options |= {"photometric": "RGB", "alpha": "YES"}
    height, width, count = pixels.shape
    shape = {"height": height, "width": width, "count": count, "dtype": pixels.dtype.name}
    options = {"crs": CRS, "transform": TRANSFORM, "photometric": "MINISBLACK", **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="GTiff", **shape, **options) as dataset:
            dataset.write(np.moveaxis(pixels, 2, 0))
            if palette is not None:
                dataset.write_colormap(1, palette)
    return path


def reflectances(number: int, bands: int = 5, size: tuple[int, int] = (48, 64)) -> tuple[np.ndarray, np.ndarray]:
    """A scene of `fakes` as uint16 reflectances of 0 to 10,000 in `bands` bands, and its class ids."""
    image, labels = scene(number, size)
    mixing = np.random.default_rng(7).uniform(0.2, 1, (3, bands))
    return (image @ mixing * 12 + 300).round().astype(np.uint16), labels


def write_raster_folders(root: Path, count: int = 6, bands: int = 5, **options: Any) -> Path:
    """`images/` and `masks/` of GeoTIFFs: 5 bands of reflectances; the first rows have no data."""
    for number in range(count):
        image, labels = reflectances(number, bands)
        image[:4] = 0
        corner = {"transform": Affine(10, 0, 500_000 + 640 * number, 0, -10, 4_600_000)}
        write_raster(root / "images" / f"{number:03d}.tif", image, nodata=0, compress="deflate", **corner, **options)
        write_raster(root / "masks" / f"{number:03d}.tif", labels, compress="lzw", **corner)
    return root
