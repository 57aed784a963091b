"""What the prediction of a raster looks like on disk: GeoTIFFs on the raster's own grid, written while it is read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from torch import Tensor

from segue.data.classes import Classes
from segue.data.geotiff import Raster, coloured, opened_raster, read_part
from segue.data.geotiff_writer import Layout, raster_writer
from segue.data.scale import filled, raster_pixels
from segue.durable import write_durably
from segue.infer.maps import NOTHING, Mark, Tally, Wanted, forget, maps_of
from segue.infer.outputs import colour_table, review_table, write_overlay
from segue.infer.scene import segment_scene
from segue.infer.segmenter import Prediction, Segmenter
from segue.trust.look import Look
from segue.trust.uncertainty import FULL

OVERLAY_SIDE = 2048  # pixels; a larger raster has its overlay drawn at a fraction of its size

_log = logging.getLogger("segue")


@dataclass(frozen=True)
class Written:
    """The size of a raster, the counts of its maps' numbers, what was seen of it, and whether its files were kept."""

    height: int
    width: int
    tally: Tally
    look: Look
    kept: bool = True


class _LeftOutError(Exception):
    """Carries what was found out about a raster past the temporary files, which go."""

    def __init__(self, written: Written) -> None:
        super().__init__()
        self.written = written


def write_scene(
    segmenter: Segmenter,
    scene: Path,
    outputs: Mapping[str, Path],
    mark: Mark | None = None,
    update: Callable[[float], None] | None = None,
    leave_out: Callable[[Look], bool] | None = None,
) -> Written:
    """Segment a raster and write the maps that `outputs` names by kind, on its grid: same CRS, transform and size.

    `mask` is a palette GeoTIFF of class ids, 255 (also its declared "no data") where the raster has no data; its tags
    `CLASS_0`, `CLASS_1`, ... name the classes. `probabilities` are float32, a band a class, NaN where there is no data;
    `uncertainty` is uint16, 65535 there; `review`, which needs a `mark`, is uint8, 255 there. Every file is whole or
    not there. `update` is called with the share done, `leave_out` with what was seen in the end: where it says so, no
    file is written.

    Raises:
        DataError: the raster cannot be read, or does not fit the model.
        RunError: a file cannot be written.
        MissingPackageError: rasterio is not installed.
    """
    wanted = Wanted("probabilities" in outputs, "uncertainty" in outputs, mark)
    done: list[Written] = []

    def write(files: Mapping[str, Path]) -> None:
        written = _compute(segmenter, scene, files, wanted, update)
        if leave_out is not None and leave_out(written.look):
            raise _LeftOutError(replace(written, kept=False))
        done.append(written)

    try:
        _all_durably(outputs, {}, write)
    except _LeftOutError as left:
        return left.written
    return done[0]


def _all_durably(
    left: Mapping[str, Path], begun: Mapping[str, Path], write: Callable[[Mapping[str, Path]], None]
) -> None:
    """Let `write` fill a temporary file for each of `left`; all take their places, or none does."""
    if not left:
        write(begun)
        return
    (kind, path), *others = left.items()
    write_durably(path, lambda temporary: _all_durably(dict(others), {**begun, kind: temporary}, write))


def _compute(
    segmenter: Segmenter,
    scene: Path,
    files: Mapping[str, Path],
    wanted: Wanted,
    update: Callable[[float], None] | None,
) -> Written:
    tally = Tally()
    with ExitStack() as stack:
        dataset, raster = stack.enter_context(opened_raster(scene))
        layouts = {kind: layout_of(kind, raster, segmenter.classes) for kind in files}
        writers = {kind: stack.enter_context(raster_writer(files[kind], layouts[kind])) for kind in files}

        def take(top: int, logits: Tensor, missing: Bool[np.ndarray, "rows width"]) -> None:
            maps = maps_of(logits, wanted, segmenter.temperature)
            forget(maps, missing)
            tally.add(maps)
            for kind, writer in writers.items():
                writer.add(maps[kind])
            if update is not None:
                update((top + logits.shape[1]) / raster.height)

        look = segment_scene(segmenter, dataset, raster, take)
    return Written(raster.height, raster.width, tally, look)


def layout_of(kind: str, raster: Raster, classes: Classes) -> Layout:
    """The file of a map on the raster's grid: its numbers, its sign for "no data", its names and colours."""
    layout = partial(Layout, raster.height, raster.width, georeference=raster.georeference, nodata=NOTHING[kind])
    if kind == "probabilities":
        return layout("float32", count=len(classes), tags=_names(classes), bands=classes.names)
    if kind == "uncertainty":
        return layout("uint16", tags={"FULL": str(FULL)}, bands=("normalised entropy",))
    if kind == "review":
        return layout("uint8", palette=review_table().tolist(), bands=("look here",))
    return layout("uint8", palette=colour_table(classes).tolist(), tags=_names(classes), bands=("class",))


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
