"""`segue predict`: images of any size in, class masks and overlays out; rasters in, rasters out."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segue.configs import PredictConfig
from segue.console import duration, progress_bar
from segue.data.image import read_with_missing
from segue.durable import make_folder, write_text
from segue.errors import DataError, RunError, UsageError
from segue.infer.ahead import ahead
from segue.infer.files import Files, planned_files
from segue.infer.geo_outputs import write_scene, write_scene_overlay
from segue.infer.inputs import Input, find_images
from segue.infer.maps import Tally, Wanted
from segue.infer.outputs import write_mask, write_overlay, write_probabilities, write_review, write_uncertainty
from segue.infer.review_file import load_mark
from segue.infer.segmenter import Prediction, Prepared, Segmenter
from segue.infer.tiling import Tiling
from segue.models.artifact import load_info
from segue.trust.uncertainty import FULL, image_uncertainty

TABLE = "predictions.csv"


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

    Raises `UsageError` when an output would replace an input or a class is unknown, `RunError` or `WeightsError` when
    the model is at fault, and `RunError` when `config.out` cannot be made or the class to review has no threshold.
    """
    began = time.perf_counter()
    inputs, failed = find_images(config.paths, config.out)
    info = load_info(config.run)
    mark = load_mark(config.run, info, config.review) if config.review else None
    wanted = Wanted(config.probabilities, config.uncertainty, mark)
    files = {one: planned_files(one, config.out, wanted.kinds, config.overlay) for one in inputs}
    _refuse_to_replace(files)
    if config.dry_run:
        records = tuple({"image": str(one.path), "files": _texts(files[one])} for one in inputs)
        return PredictResult(config.out, records, tuple(failed), time.perf_counter() - began, dry_run=True)
    tiling = Tiling(config.tile, config.overlap, config.batch)
    segmenter = Segmenter.load(config.run, config.device, tiling)
    make_folder(config.out)
    with progress_bar("predicting") as update:
        images = _predict_all(segmenter, files, wanted, failed, update)
    if wanted.uncertainty or wanted.review:
        write_text(config.out / TABLE, _table(images))
    return PredictResult(config.out, tuple(images), tuple(failed), time.perf_counter() - began)


def _predict_all(
    segmenter: Segmenter,
    files: dict[Input, Files],
    wanted: Wanted,
    failed: list[str],
    update: Callable[[float, str], None],
) -> list[dict[str, Any]]:
    """Pictures first, then rasters; the records in the order of `files`."""
    pictures = {one: outputs for one, outputs in files.items() if not outputs.raster}
    rasters = {one: outputs for one, outputs in files.items() if outputs.raster}

    def update_all(done: float, name: str) -> None:
        update(done / len(files), name)

    records = _predict_pictures(segmenter, pictures, wanted, failed, update_all)
    for i, (one, outputs) in enumerate(rasters.items(), len(pictures)):

        def update_part(done: float, before: int = i, name: str = one.name) -> None:
            update_all(before + done, name)

        try:
            records[one] = _predict_raster(segmenter, one, outputs, wanted, update_part)
        except (DataError, RunError) as error:
            failed.append(_with_path(one.path, str(error)))
    return [records[one] for one in files if one in records]


def _predict_pictures(
    segmenter: Segmenter,
    files: dict[Input, Files],
    wanted: Wanted,
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
            yield one, prepared, segmenter.segment(prepared, wanted)

    def write(work: tuple[Input, Prepared, Prediction]) -> dict[str, Any]:
        return _write(*work, files[work[0]])

    images = {}
    for (one, _, _), writing in ahead(write, predictions(), threads=1):
        try:
            images[one] = writing.result()
        except RunError as error:
            failed.append(_with_path(one.path, str(error)))
    return images


def _predict_raster(
    segmenter: Segmenter, one: Input, files: Files, wanted: Wanted, update: Callable[[float], None]
) -> dict[str, Any]:
    """Read, compute and write a raster a row of tiles at a time."""
    make_folder(files.mask.parent)
    written = write_scene(segmenter, one.path, files.maps, wanted.review, update)
    if files.overlay is not None:
        write_scene_overlay(files.overlay, one.path, files.mask, segmenter)
    record = _record(one, files, (written.height, written.width), written.tally, segmenter.classes.names)
    without = int(written.tally.counts["mask"][-1])
    return record | {"without_data": round(without / (written.height * written.width), 6)}


def _write(one: Input, prepared: Prepared, prediction: Prediction, files: Files) -> dict[str, Any]:
    make_folder(files.mask.parent)
    write_mask(files.mask, prediction.mask, prediction.classes)
    if files.overlay is not None:
        write_overlay(files.overlay, prepared.pixels, prediction)
    if prediction.probabilities is not None:
        write_probabilities(files.maps["probabilities"], prediction)
    if prediction.uncertainty is not None:
        write_uncertainty(files.maps["uncertainty"], prediction.uncertainty)
    if prediction.review is not None:
        write_review(files.maps["review"], prediction.review)
    height, width = prediction.mask.shape
    tally = Tally()
    tally.add(prediction.maps)
    return _record(one, files, (height, width), tally, prediction.classes.names)


def _record(one: Input, files: Files, size: tuple[int, int], tally: Tally, names: tuple[str, ...]) -> dict[str, Any]:
    counts = tally.counts
    total = max(1, int(counts["mask"][: len(names)].sum()))  # a raster without any data has shares of nothing
    record = {
        "image": str(one.path),
        "files": _texts(files),
        "height": size[0],
        "width": size[1],
        "shares": {name: round(int(count) / total, 6) for name, count in zip(names, counts["mask"], strict=False)},
    }
    if "uncertainty" in counts:
        score = image_uncertainty(counts["uncertainty"][: FULL + 1])
        record["uncertainty"] = None if score != score else round(score, 6)
    if "review" in counts:
        record["marked"] = round(int(counts["review"][1]) / total, 6)
    return record


def _table(records: Sequence[dict[str, Any]]) -> str:
    """One row per image: what it is, how unsure the prediction, how much of it is marked, the share of every class."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    scores = [name for name in ("uncertainty", "marked") if records and name in records[0]]
    names = list(records[0]["shares"]) if records else []
    rows.writerow(["image", "height", "width", *scores, *(f"share {name}" for name in names)])
    for record in records:
        values = [record[name] for name in scores] + [record["shares"][name] for name in names]
        cells = ["" if value is None else f"{value:.6f}" for value in values]
        rows.writerow([record["image"], record["height"], record["width"], *cells])
    return text.getvalue()


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
