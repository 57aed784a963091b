"""Labelled rasters of which only the parts that crops show are read: what they cost does not grow with their size.

Image and mask both have to be rasters (`segue.data.geotiff`); how they are tiled and compressed decides what a part
costs, since whole blocks are decoded. Nothing that is read depends on the part it is read with.
"""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from jaxtyping import Int32
from numpy.typing import NDArray

from segue.data.augment.source import Decoded, Source, part_for
from segue.data.augment.view import Labels, Pixels
from segue.data.classes import IGNORE, Classes
from segue.data.encoding import encode
from segue.data.geometry import Preprocessing, resize_image, resize_labels
from segue.data.geotiff import Raster, has_data_everywhere, raster_info, read_window
from segue.data.image import is_raster, raster_labels, to_channels
from segue.data.index import Sample
from segue.data.scale import Missing, filled, raster_pixels
from segue.errors import DataError

AT_ONCE = 64 * 2**20  # bytes of pixels in one band of rows, where all rows have to be gone through


class WindowedSample:
    """A sample whose image and mask are rasters, as a `Source` that reads windows; threads may share one."""

    def __init__(self, image: Raster, mask: Path, classes: Classes, prep: Preprocessing) -> None:
        self.size = (image.height, image.width)
        self.channels = prep.channels
        self._image = image.path
        self._mask = mask
        self._is_full = has_data_everywhere(image)
        self._classes = classes
        self._prep = prep
        self._rows: Int32[np.ndarray, "height classes"] | None = None
        self._counting = threading.Lock()

    def part(self, rows: slice, columns: slice) -> tuple[Pixels, Labels]:
        """See `Source`."""
        window = (columns.start, rows.start, columns.stop, rows.stop)
        values, missing = read_window(self._image, window)
        pixels = raster_pixels(values, missing, self._prep.ranges, self._image)
        raw = raster_labels(self._mask, window=window)
        return assembled(pixels, missing, raw, self._mask, self._classes, self._prep)

    def _labels(self, rows: slice) -> Labels:
        """Whole rows of class ids; the image is read for them only where it may lack data."""
        columns = slice(0, self.size[1])
        if not self._is_full:
            return self.part(rows, columns)[1]
        window = (0, rows.start, self.size[1], rows.stop)
        return encode(raster_labels(self._mask, window=window), self._classes, self._mask)

    def place(self, chosen: int, generator: np.random.Generator) -> tuple[float, float] | None:
        """See `Source`; the pixel `random_place` draws on the whole mask, of which one row is read."""
        upto = np.cumsum(self._pixels_by_row()[:, chosen], dtype=np.int64)
        if upto[-1] == 0:
            return None
        drawn = int(generator.integers(upto[-1]))
        row = int(np.searchsorted(upto, drawn, side="right"))
        before = int(upto[row - 1]) if row else 0
        held = np.flatnonzero(self._labels(slice(row, row + 1))[0] == chosen)
        return row + 0.5, int(held[drawn - before]) + 0.5

    def _pixels_by_row(self) -> Int32[np.ndarray, "height classes"]:
        """Pixels of each class in each row: all rows are gone through, once."""
        with self._counting:
            if self._rows is None:
                step = max(1, AT_ONCE // (self.size[1] * self.channels * 4))
                bands = (slice(top, min(self.size[0], top + step)) for top in range(0, self.size[0], step))
                found = [_counts(self._labels(band), len(self._classes)) for band in bands]
                self._rows = np.concatenate(found)
            return self._rows


def _counts(labels: Labels, classes: int) -> Int32[np.ndarray, "rows classes"]:
    places = labels + (np.arange(len(labels), dtype=np.int64) * 256)[:, None]
    counts = np.bincount(places.ravel(), minlength=256 * len(labels)).reshape(-1, 256)
    return counts[:, :classes].astype(np.int32)


def windowed(sample: Sample, classes: Classes, prep: Preprocessing, least: int) -> WindowedSample | None:
    """A sample to be read by the window; None where it is to be decoded whole.

    That is so where image or mask is no raster, where they do not fit (decoding tells why), and where the decoded
    sample takes fewer than `least` bytes.
    """
    if sample.mask is None or not (is_raster(sample.image) and is_raster(sample.mask)):
        return None
    image, mask = raster_info(sample.image), raster_info(sample.mask)
    size = (image.height, image.width)
    weight = size[0] * size[1] * (prep.channels * (1 if image.dtype == "uint8" else 4) + 1)
    if weight < least or size != (mask.height, mask.width):
        return None
    return WindowedSample(image, sample.mask, classes, prep)


def assembled(
    image: NDArray[np.generic],
    missing: Missing | None,
    raw: NDArray[np.generic],
    mask: Path,
    classes: Classes,
    prep: Preprocessing,
) -> tuple[Pixels, Labels]:
    """Pixels with the channels of the model and class ids; those without data have the mean colour and are ignored.

    Raises `DataError` when image and mask differ in size, or the mask holds a value that means nothing.
    """
    pixels = filled(to_channels(image, prep.channels), missing, prep.mean)
    labels = encode(raw, classes, mask)
    if pixels.shape[:2] != labels.shape:
        raise DataError(
            f"{mask}: expected a mask of {pixels.shape[1]}x{pixels.shape[0]} pixels like its image, "
            f"got {labels.shape[1]}x{labels.shape[0]}: segue doctor names every such pair"
        )
    return pixels, labels if missing is None else np.where(missing, np.uint8(IGNORE), labels)


def shrunk(source: Source, size: tuple[int, int]) -> Decoded:
    """A source resized to `size` (height, width), the labels by nearest neighbour; a large one in bands of rows."""
    height, width = source.size
    step = max(1, AT_ONCE * size[0] // (4 * source.channels * width * height))
    bands = []
    for top in range(0, size[0], step):
        bottom = min(size[0], top + step)
        box = (0.0, top * height / size[0], float(width), bottom * height / size[0])
        image, labels, box = part_for(source, box, (bottom - top, size[1]))
        target = (bottom - top, size[1])
        bands.append((resize_image(image, target, box), resize_labels(labels, target, box)))
    if len(bands) == 1:
        return Decoded(*bands[0])
    return Decoded(np.concatenate([image for image, _ in bands]), np.concatenate([labels for _, labels in bands]))
