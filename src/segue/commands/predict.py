"""`segue predict`: images of any size in, class masks and overlays out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segue.configs import PredictConfig
from segue.console import duration, progress_bar
from segue.data.image import read_image
from segue.durable import make_folder
from segue.errors import DataError, RunError, UsageError
from segue.infer.ahead import ahead
from segue.infer.inputs import Input, find_images
from segue.infer.outputs import write_mask, write_overlay, write_probabilities
from segue.infer.segmenter import Prediction, Prepared, Segmenter
from segue.infer.tiling import Tiling
from segue.models.artifact import load_info


@dataclass(frozen=True)
class Files:
    """What is written for one image; a kind that was not asked for is None."""

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
    """Decode, compute and write at the same time: reading runs ahead of the network, writing behind it."""

    def prepare(one: Input) -> Prepared:
        return segmenter.prepare(read_image(one.path))

    def predictions() -> Iterator[tuple[Input, Prepared, Prediction]]:
        for i, (one, loading) in enumerate(ahead(prepare, files)):
            update(i / len(files), one.name)
            try:
                prepared = loading.result()
            except DataError as error:
                failed.append(_with_path(one.path, str(error)))
                continue
            yield one, prepared, segmenter.segment(prepared, probabilities=probabilities)

    def write(work: tuple[Input, Prepared, Prediction]) -> dict[str, Any]:
        return _write(*work, files[work[0]])

    images = []
    for (one, _, _), writing in ahead(write, predictions(), threads=1):
        try:
            images.append(writing.result())
        except RunError as error:
            failed.append(_with_path(one.path, str(error)))
    return images


def _write(one: Input, prepared: Prepared, prediction: Prediction, files: Files) -> dict[str, Any]:
    make_folder(files.mask.parent)
    write_mask(files.mask, prediction.mask, prediction.classes)
    if files.overlay is not None:
        write_overlay(files.overlay, prepared.pixels, prediction)
    if files.probabilities is not None:
        write_probabilities(files.probabilities, prediction)
    height, width = prediction.mask.shape
    pixels = np.bincount(prediction.mask.ravel(), minlength=len(prediction.classes))
    return {
        "image": str(one.path),
        "files": _texts(files),
        "height": height,
        "width": width,
        "shares": {
            n: round(int(p) / (height * width), 6) for n, p in zip(prediction.classes.names, pixels, strict=True)
        },
    }


def _files(one: Input, config: PredictConfig) -> Files:
    def path(ending: str) -> Path:
        return config.out / (one.name + ending)

    return Files(
        mask=path(".png"),
        overlay=path("_overlay.jpg") if config.overlay else None,
        probabilities=path(".npz") if config.probabilities else None,
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
