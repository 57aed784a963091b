"""What the prediction of a raster looks like on disk: GeoTIFFs on the raster's own grid, written while it is read."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from torch import Tensor

from segue.data.classes import IGNORE, Classes
from segue.data.geotiff import Raster, coloured, opened_raster, read_part
from segue.data.geotiff_writer import Layout, raster_writer
from segue.data.scale import filled, raster_pixels
from segue.durable import write_durably
from segue.infer.outputs import colour_table, write_overlay
from segue.infer.scene import segment_scene
from segue.infer.segmenter import Prediction, Segmenter, ids_of

OVERLAY_SIDE = 2048  # pixels; a larger raster has its overlay drawn at a fraction of its size

_log = logging.getLogger("segue")


@dataclass(frozen=True)
class Written:
    """The size of a raster, its pixels of each class, and those without data."""

    height: int
    width: int
    pixels: tuple[int, ...]
    without_data: int


def write_scene(
    segmenter: Segmenter,
    scene: Path,
    mask: Path,
    probabilities: Path | None = None,
    update: Callable[[float], None] | None = None,
) -> Written:
    """Segment a raster and write `mask`, and `probabilities` if wanted, on its grid: same CRS, transform and size.

    The mask is a palette GeoTIFF of class ids, 255 (also its declared "no data") where the raster has no data; its tags
    `CLASS_0`, `CLASS_1`, ... name the classes. Probabilities are float32, a band a class, NaN where there is no data.
    Either file is whole or not there. `update` is called with the share done.

    Raises:
        DataError: the raster cannot be read, or does not fit the model.
        RunError: a file cannot be written.
        MissingPackageError: rasterio is not installed.
    """
    done: list[Written] = []

    def compute(ids: Path, shares: Path | None) -> None:
        done.append(_compute(segmenter, scene, ids, shares, update))

    if probabilities is None:
        write_durably(mask, lambda ids: compute(ids, None))
    else:
        write_durably(mask, lambda ids: write_durably(probabilities, lambda shares: compute(ids, shares)))
    return done[0]


def _compute(
    segmenter: Segmenter, scene: Path, ids: Path, shares: Path | None, update: Callable[[float], None] | None
) -> Written:
    counts = np.zeros(IGNORE + 1, np.int64)
    with ExitStack() as stack:
        dataset, raster = stack.enter_context(opened_raster(scene))
        to_mask = stack.enter_context(raster_writer(ids, mask_layout(raster, segmenter.classes)))
        to_shares = None
        if shares is not None:
            to_shares = stack.enter_context(raster_writer(shares, shares_layout(raster, segmenter.classes)))

        def take(top: int, logits: Tensor, missing: Bool[np.ndarray, "rows width"]) -> None:
            rows = ids_of(logits)
            rows[missing] = IGNORE
            to_mask.add(rows)
            counts[:] += np.bincount(rows.ravel(), minlength=len(counts))
            if to_shares is not None:
                probabilities = logits.softmax(0).cpu().numpy()
                probabilities[:, missing] = np.nan
                to_shares.add(probabilities)
            if update is not None:
                update((top + len(rows)) / raster.height)

        segment_scene(segmenter, dataset, raster, take)
    pixels = tuple(counts[: len(segmenter.classes)].tolist())
    return Written(raster.height, raster.width, pixels, int(counts[IGNORE]))


def mask_layout(raster: Raster, classes: Classes) -> Layout:
    """A mask on the raster's grid: the class colours as its palette, the class names as its tags."""
    return Layout(
        *(raster.height, raster.width, "uint8", raster.georeference),
        nodata=IGNORE,
        palette=colour_table(classes).tolist(),
        tags=_names(classes),
        bands=("class",),
    )


def shares_layout(raster: Raster, classes: Classes) -> Layout:
    """Class probabilities on the raster's grid, a band a class."""
    return Layout(
        *(raster.height, raster.width, "float32", raster.georeference),
        nodata=float("nan"),
        count=len(classes),
        tags=_names(classes),
        bands=classes.names,
    )


def _names(classes: Classes) -> dict[str, str]:
    return {f"CLASS_{number}": name for number, name in enumerate(classes.names)}


def write_scene_overlay(path: Path, scene: Path, mask: Path, segmenter: Segmenter) -> None:
    """Paint a written mask over its raster, as JPEG: whole, or every n-th pixel of one longer than `OVERLAY_SIDE`."""
    prep = segmenter.info.prep
    with opened_raster(scene, OVERVIEW_LEVEL="NONE") as (dataset, raster):
        step = max(1.0, max(raster.height, raster.width) / OVERLAY_SIDE)
        size = (max(1, round(raster.height / step)), max(1, round(raster.width / step)))
        whole = (0, 0, raster.width, raster.height)
        values, missing = read_part(dataset, raster, whole, size)
    with opened_raster(mask, OVERVIEW_LEVEL="NONE") as (dataset, _):
        ids = dataset.read(1, out_shape=size)
    if step > 1:
        _log.info("%s: the overlay is drawn at 1/%.3g of the raster's size", scene, step)
    pixels = raster_pixels(coloured(values, raster), missing, prep.ranges, scene)
    shown = filled(pixels, missing, (0.0,) * pixels.shape[2])
    write_overlay(path, shown, Prediction(ids, segmenter.classes))
