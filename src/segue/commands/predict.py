"""`segue predict`: images of any size in, class masks and overlays out; rasters in, rasters out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segue.configs import PredictConfig
from segue.console import duration, progress_bar
from segue.data.image import is_raster, read_with_missing
from segue.durable import make_folder
from segue.errors import DataError, RunError, UsageError
from segue.infer.ahead import ahead
from segue.infer.geo_outputs import write_scene, write_scene_overlay
from segue.infer.inputs import Input, find_images
from segue.infer.outputs import write_mask, write_overlay, write_probabilities
from segue.infer.segmenter import Prediction, Prepared, Segmenter
from segue.infer.tiling import Tiling
from segue.models.artifact import load_info


@dataclass(frozen=True)
class Files:
    """What is written for one image; a kind that was not asked for is None. Of a raster, `raster` is true."""

    raster: bool
    mask: Path
    overlay: Path | None
    probabilities: Path | None

    def present(self) -> dict[str, Path]:
        """The files by kind."""
        kinds = {"mask": self.mask, "overlay": self.overlay, "probabilities": self.probabilities}
        return {kind: path for kind, path in kinds.items() if path is not None}


@dataclass(frozen=True)
class PredictResult:
    """One record for every image done, one line for every image that was not; any of those makes the exit code 1."""

    out: Path
    images: tuple[dict[str, Any], ...]
    failed: tuple[str, ...]
    seconds: float
    dry_run: bool = False

    @property
    def exit_code(self) -> int:
        """0 when every image was done."""
        return 1 if self.failed else 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "out": str(self.out),
            "images": list(self.images),
            "failed": list(self.failed),
            "seconds": round(self.seconds, 3),
            "dry_run": self.dry_run,
        }

    def lines(self) -> list[str]:
        """The result for people."""
        bad = [f"not done: {line}" for line in self.failed]
        count = f"{len(self.images)} image{'s' * (len(self.images) != 1)}"
        if self.dry_run:
            return [
                *bad,
                *(path for image in self.images for path in image["files"].values()),
                "dry run: nothing written",
            ]
        return [*bad, f"{count} done in {duration(self.seconds)}, {len(bad)} not done: {self.out}"]


def run(config: PredictConfig) -> PredictResult:
    """Predict what `config.paths` stand for; what cannot be read or written is reported and the others are done.

    Raises `UsageError` when an output would replace an input, `RunError` or `WeightsError` when the model is at fault,
    and `RunError` when `config.out` cannot be made.
    """
    began = time.perf_counter()
    inputs, failed = find_images(config.paths, config.out)
    files = {one: _files(one, config) for one in inputs}
    _refuse_to_replace(files)
    if config.dry_run:
        load_info(config.run)
        records = tuple({"image": str(one.path), "files": _texts(files[one])} for one in inputs)
        return PredictResult(config.out, records, tuple(failed), time.perf_counter() - began, dry_run=True)
    tiling = Tiling(config.tile, config.overlap, config.batch)
    segmenter = Segmenter.load(config.run, config.device, tiling)
    make_folder(config.out)
    with progress_bar("predicting") as update:
        images = _predict_all(segmenter, files, config.probabilities, failed, update)
    return PredictResult(config.out, tuple(images), tuple(failed), time.perf_counter() - began)


def _predict_all(
    segmenter: Segmenter,
    files: dict[Input, Files],
    probabilities: bool,
    failed: list[str],
    update: Callable[[float, str], None],
) -> list[dict[str, Any]]:
    """Pictures first, then rasters; the records in the order of `files`."""
    pictures = {one: outputs for one, outputs in files.items() if not outputs.raster}
    rasters = {one: outputs for one, outputs in files.items() if outputs.raster}

    def update_all(done: float, name: str) -> None:
        update(done / len(files), name)

    records = _predict_pictures(segmenter, pictures, probabilities, failed, update_all)
    for i, (one, outputs) in enumerate(rasters.items(), len(pictures)):

        def update_part(done: float, before: int = i, name: str = one.name) -> None:
            update_all(before + done, name)

        try:
            records[one] = _predict_raster(segmenter, one, outputs, update_part)
        except (DataError, RunError) as error:
            failed.append(_with_path(one.path, str(error)))
    return [records[one] for one in files if one in records]


def _predict_pictures(
    segmenter: Segmenter,
    files: dict[Input, Files],
    probabilities: bool,
    failed: list[str],
    update: Callable[[float, str], None],
) -> dict[Input, dict[str, Any]]:
    """Decode, compute and write at the same time: reading runs ahead of the network, writing behind it."""

    def prepare(one: Input) -> Prepared:
        return segmenter.prepare(*read_with_missing(one.path, ranges=segmenter.info.prep.ranges))

    def predictions() -> Iterator[tuple[Input, Prepared, Prediction]]:
        for i, (one, loading) in enumerate(ahead(prepare, files)):
            update(i, one.name)
            try:
                prepared = loading.result()
            except DataError as error:
                failed.append(_with_path(one.path, str(error)))
                continue
            yield one, prepared, segmenter.segment(prepared, probabilities=probabilities)

    def write(work: tuple[Input, Prepared, Prediction]) -> dict[str, Any]:
        return _write(*work, files[work[0]])

    images = {}
    for (one, _, _), writing in ahead(write, predictions(), threads=1):
        try:
            images[one] = writing.result()
        except RunError as error:
            failed.append(_with_path(one.path, str(error)))
    return images


def _predict_raster(segmenter: Segmenter, one: Input, files: Files, update: Callable[[float], None]) -> dict[str, Any]:
    """Read, compute and write a raster a row of tiles at a time."""
    make_folder(files.mask.parent)
    written = write_scene(segmenter, one.path, files.mask, files.probabilities, update)
    if files.overlay is not None:
        write_scene_overlay(files.overlay, one.path, files.mask, segmenter)
    pixels = np.array(written.pixels)
    everything = written.height * written.width
    record = _record(one, files, (written.height, written.width), pixels, segmenter.classes.names)
    return record | {"without_data": round(written.without_data / everything, 6)}


def _write(one: Input, prepared: Prepared, prediction: Prediction, files: Files) -> dict[str, Any]:
    make_folder(files.mask.parent)
    write_mask(files.mask, prediction.mask, prediction.classes)
    if files.overlay is not None:
        write_overlay(files.overlay, prepared.pixels, prediction)
    if files.probabilities is not None:
        write_probabilities(files.probabilities, prediction)
    height, width = prediction.mask.shape
    pixels = np.bincount(prediction.mask.ravel(), minlength=len(prediction.classes))
    return _record(one, files, (height, width), pixels, prediction.classes.names)


def _record(
    one: Input, files: Files, size: tuple[int, int], pixels: NDArray[np.int64], names: tuple[str, ...]
) -> dict[str, Any]:
    total = max(1, int(pixels.sum()))  # a raster without any data has shares of nothing
    return {
        "image": str(one.path),
        "files": _texts(files),
        "height": size[0],
        "width": size[1],
        "shares": {name: round(int(count) / total, 6) for name, count in zip(names, pixels, strict=True)},
    }


def _files(one: Input, config: PredictConfig) -> Files:
    def path(ending: str) -> Path:
        return config.out / (one.name + ending)

    raster = is_raster(one.path)
    return Files(
        raster=raster,
        mask=path(".tif" if raster else ".png"),
        overlay=path("_overlay.jpg") if config.overlay else None,
        probabilities=path("_probabilities.tif" if raster else ".npz") if config.probabilities else None,
    )


def _refuse_to_replace(files: dict[Input, Files]) -> None:
    taken = {one.path.resolve() for one in files}
    for one, outputs in files.items():
        for path in outputs.present().values():
            if path.resolve() in taken:
                raise UsageError(
                    f"out: {one.path} would be written to {path}, which is itself an input: choose another"
                )


def _texts(files: Files) -> dict[str, str]:
    return {kind: str(path) for kind, path in files.present().items()}


def _with_path(path: Path, message: str) -> str:
    return message if message.startswith(str(path)) else f"{path}: {message}"
