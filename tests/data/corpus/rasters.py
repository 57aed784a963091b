"""GeoTIFFs: where they lie, what they declare to be no data, and bytes that are missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine

from corpus.base import Case, image_file, labels, mask_file, picture
from rasters import BLOCKS, write_raster
from segue.data.tiff import read_tiff

Plant = Callable[[Path], Path]
ELSEWHERE = Affine(10, 0, 500_010, 0, -10, 4_600_000)  # one pixel to the east of where the image lies
COARSER = Affine(20, 0, 500_000, 0, -20, 4_600_000)


def raster_cases() -> Iterator[Case]:
    colour, mask = picture(3), labels(3)
    five = np.dstack([colour, colour[..., :2]])
    empty, many = np.zeros_like(colour), np.arange(mask.size, dtype=np.uint8).reshape(mask.shape)
    yield Case("raster and raster mask beside pictures", "", _pair())
    yield Case("raster whose mask has no place", "", _pair(crs=None, transform=None))
    yield Case("raster and a picture as its mask", "", _image(colour))
    yield Case("raster with a band of transparency", "", _image(colour, alpha=np.uint8(255) * (many > 9)))
    yield Case("palette raster", "", _image(mask, palette={0: (9, 9, 9), 1: (0, 99, 0), 2: (200, 1, 9)}))
    yield Case("raster mask of another CRS", "PAIR_CRS", _pair(crs="EPSG:32632"))
    yield Case("raster mask a pixel to the east", "PAIR_EXTENT", _pair(transform=ELSEWHERE))
    yield Case("raster mask of larger pixels", "PAIR_EXTENT", _pair(transform=COARSER))
    yield Case("raster without data", "IMG_NODATA", _image(empty, nodata=0))
    yield Case("raster of one value", "IMG_FLAT", _image(empty + 9))
    yield Case("fourth band declared as transparency", "IMG_ALPHA_BAND", _image(colour, alpha=many))
    yield Case("16-bit raster among pictures", "SET_NUMBERS", _image(colour.astype(np.uint16) * 40))
    yield Case("float raster among pictures", "SET_NUMBERS", _image(colour / np.float32(255)))
    yield Case("raster of five bands among pictures", "CHANNELS_DIFFER", _image(five))
    yield Case("complex raster", "IMG_MODE", _image(colour.astype(np.complex64)))
    yield Case("raster cut off", "IMG_TRUNCATED", _image(colour, change=lambda data, _: data[: len(data) // 2]))
    yield Case("raster with a damaged block", "IMG_CORRUPT", _image(colour, change=_damage))
    yield Case("raster mask with 0 as no data", "MASK_NODATA_ZERO", _pair(nodata=0))
    yield Case("raster mask as JPEG", "MASK_LOSSY", _pair(mask * 100, compress="jpeg"))
    yield Case("raster mask of two bands", "MASK_MODE", _pair(np.dstack([mask, mask])))
    yield Case("raster mask that counts from one", "MASK_OFF_BY_ONE", _pair(mask + 1))
    collared = _pair(_collared(mask + 1), nodata=0)
    yield Case("raster mask that counts from one beside no data", "MASK_OFF_BY_ONE", collared)


def _collared(mask: np.ndarray) -> np.ndarray:
    collared = mask.copy()
    collared[:4] = 0
    return collared


def _image(pixels: np.ndarray, change: Callable[[bytes, Path], bytes] | None = None, **options: Any) -> Plant:
    """Replace image 3 by a raster; `change` is what happens to its bytes."""

    def plant(root: Path) -> Path:
        image_file(root).unlink()
        photometric = {"photometric": "PALETTE"} if "palette" in options else {}
        path = write_raster(image_file(root, "img_3.tif"), pixels, **BLOCKS, compress="lzw", **photometric, **options)
        if change is not None:
            path.write_bytes(change(path.read_bytes(), path))
        return path

    return plant


def _damage(data: bytes, path: Path) -> bytes:
    tiff = read_tiff(path)
    assert tiff is not None
    start = tiff.values(324)[-1]
    return data[:start] + b"\xff" * 40 + data[start + 40 :]


def _pair(mask: np.ndarray | None = None, **options: Any) -> Plant:
    """Replace image 3 and mask 3 by rasters; `options` are the mask's."""

    def plant(root: Path) -> Path:
        _image(picture(3))(root)
        mask_file(root).unlink()
        return write_raster(mask_file(root, "img_3.tif"), labels(3) if mask is None else mask, **options)

    return plant
