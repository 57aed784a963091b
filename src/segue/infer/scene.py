"""A raster of any size at the size the network sees it, read a few rows at a time, and segmented that way.

A tile is resized from the window of the raster it covers and what the filter reaches beyond, so it holds what it would
hold if the whole raster had been resized at once. What is in memory is one row of tiles: of the raster as it is stored,
and of the logits.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray
from torch import Tensor

from segue.data.geometry import Preprocessing, resize_image, working_size
from segue.data.geotiff import Raster, coloured, read_part
from segue.data.image import to_channels
from segue.data.scale import Missing, filled, raster_pixels
from segue.errors import DataError
from segue.infer.segmenter import Segmenter
from segue.trust.look import Look

MOST_CLIPPED = 0.5  # share of the values; 0.002 of the training images' are, by how ranges are measured
# bytes of logits at a time; more is refused rather than tried. What lives is a row of tiles twice: it is copied to be
# resized, and while it is computed, there is what it shares with the row above
MOST_LOGITS = 8 * 2**30

_log = logging.getLogger("segue")
Take = Callable[[int, Tensor, Bool[np.ndarray, "rows width"]], None]


class Scene:
    """An open raster as `segue.infer.tiling.Tileable`: rows and tiles of it are read when they are asked for.

    `without_data` tells which of the raster's own pixels have none, as far as rows have been read; `clipped` what share
    of the values seen by the network lay at or beyond an end of the range measured in training.
    """

    def __init__(self, dataset: Any, raster: Raster, prep: Preprocessing) -> None:  # noqa: ANN401 - rasterio's
        self._dataset = dataset
        self._raster = raster
        self._prep = prep
        self.shape = (*working_size(raster.height, raster.width, prep), prep.channels)
        self._missing = np.zeros((0, raster.width), bool)
        self._first = 0  # the row of the raster that `_missing` begins with
        self._seen = self._at_ends = 0

    def __getitem__(self, rows: slice) -> Strip:
        """The rows of the working image from `rows.start` to `rows.stop`."""
        first, last, _ = rows.indices(self.shape[0])
        upper, lower = self._reach(first, last, self._raster.height, self.shape[0])
        values, missing = read_part(self._dataset, self._raster, (0, upper, self._raster.width, lower))
        self._keep(upper, lower, missing)
        return Strip(self, (first, last), upper, coloured(values, self._raster), missing)

    def without_data(self, top: int, bottom: int) -> Missing:
        """Which pixels of the raster's rows have no data; rows above are forgotten."""
        found = self._missing[top - self._first : bottom - self._first]
        self._missing, self._first = self._missing[bottom - self._first :], bottom
        return found

    def tile(self, strip: Strip, left: int, right: int) -> NDArray[Any]:
        """Some columns of a strip, resized as the network sees them, "no data" filled with the mean colour."""
        height, width = self.shape[:2]
        first, last = strip.rows
        begin, end = self._reach(left, right, self._raster.width, width)
        missing = strip.missing[:, begin:end] if strip.missing is not None else None
        pixels = raster_pixels(strip.values[:, begin:end], missing, self._prep.ranges, self._raster.path)
        if self._prep.ranges:
            held = pixels if missing is None else pixels[~missing]
            self._seen += held.size
            self._at_ends += int(np.count_nonzero((held <= 0) | (held >= 255)))
        pixels = filled(to_channels(pixels, self._prep.channels), missing, self._prep.mean)
        down, across = self._raster.height / height, self._raster.width / width
        box = (left * across - begin, first * down - strip.upper, right * across - begin, last * down - strip.upper)
        return resize_image(pixels, (last - first, right - left), box)

    @property
    def clipped(self) -> float:
        """See the class."""
        return self._at_ends / max(1, self._seen)

    def _reach(self, first: int, last: int, own: int, working: int) -> tuple[int, int]:
        """The rows (or columns) of the raster that rows `first` to `last` of the working image depend on."""
        step = own / working
        beyond = max(step, 1.0) + 1  # half the width of the triangle filter, and one for rounding
        return max(0, math.floor(first * step - beyond)), min(own, math.ceil(last * step + beyond))

    def _keep(self, upper: int, lower: int, missing: Missing | None) -> None:
        known = self._first + len(self._missing)
        fresh = np.zeros((lower - known, self._raster.width), bool) if missing is None else missing[known - upper :]
        self._missing = np.concatenate([self._missing, fresh])


class Strip:
    """Rows of a working image, from which tiles are cut: `values` are the raster's, from its row `upper` on."""

    def __init__(
        self,
        scene: Scene,
        rows: tuple[int, int],
        upper: int,
        values: NDArray[Any],
        missing: Missing | None,
    ) -> None:
        self.rows = rows
        self.shape = (rows[1] - rows[0], *scene.shape[1:])
        self.upper = upper
        self.values = values
        self.missing = missing
        self._scene = scene

    def __getitem__(self, index: tuple[slice, slice]) -> NDArray[Any]:
        """All rows of some columns, as an array (rows, columns, channels)."""
        left, right, _ = index[1].indices(self._scene.shape[1])
        return self._scene.tile(self, left, right)


def segment_scene(segmenter: Segmenter, dataset: Any, raster: Raster, take: Take) -> Look:  # noqa: ANN401
    """Segment an open raster from the top down; returns what was seen of it, tile by tile.

    `take` is given the row a band begins at, its logits (classes, rows, width) at the raster's own size, and which of
    its pixels have no data.

    Raises:
        DataError: the raster cannot be read, has other bands than the model, or is too wide for a row of tiles.
    """
    scene = Scene(dataset, raster, segmenter.info.prep)
    own = (raster.height, raster.width)
    side = segmenter.side(own, (scene.shape[0], scene.shape[1]))
    size = 2 * 4 * len(segmenter.classes) * min(side, scene.shape[0]) * max(scene.shape[1], raster.width)
    if size > MOST_LOGITS:
        raise DataError(
            f"{raster.path}: expected the logits of a row of tiles to take at most {MOST_LOGITS / 2**30:.0f} GB, got "
            f"{size / 2**30:.0f} GB ({side} x {raster.width} pixels, {len(segmenter.classes)} classes): use a smaller "
            "--tile, or cut the scene into pieces"
        )

    def with_missing(top: int, logits: Tensor) -> None:
        take(top, logits, scene.without_data(top, top + logits.shape[1]))

    look = segmenter.stream(scene, own, with_missing)
    if scene.clipped > MOST_CLIPPED:
        _log.warning(
            "%s: %.0f %% of its values lie outside the range of the training images (band 1: %g to %g), so the mask "
            "means little; give the same product in the same units",
            *(raster.path, 100 * scene.clipped, *segmenter.info.prep.ranges[0]),
        )
    return look
