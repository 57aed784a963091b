"""`segue predict`: images of any size in, class masks and overlays out; rasters in, rasters out."""

from __future__ import annotations

import csv
import io
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from segue.commands.dealing import Said, dealt, kept, say, sharing
from segue.configs import PredictConfig
from segue.console import duration, progress_bar
from segue.data.grouping import groups
from segue.data.image import read_with_missing
from segue.data.parallel import silent
from segue.durable import make_folder, write_text
from segue.errors import DataError, RunError, UsageError
from segue.infer.ahead import ahead
from segue.infer.familiar_file import Seen, load_seen, require_threshold
from segue.infer.files import Files, planned_files
from segue.infer.geo_outputs import write_scene, write_scene_overlay
from segue.infer.inputs import Input, find_images
from segue.infer.maps import Tally, Wanted
from segue.infer.outputs import write_mask, write_overlay, write_probabilities, write_review, write_uncertainty
from segue.infer.review_file import load_mark
from segue.infer.segmenter import Prediction, Prepared, Segmenter
from segue.infer.tiling import Tiling
from segue.models.artifact import load_info
from segue.train.heap import keep_freed_memory
from segue.train.processes import Group
from segue.trust.domain_gap import domain_gap
from segue.trust.domain_phrases import gap_lines, unlike_lines
from segue.trust.look import Look
from segue.trust.uncertainty import FULL, image_uncertainty

TABLE = "predictions.csv"
REUSED = 16 * 2**20  # bytes: the maps of an image or tile are smaller, what grows with a scene is larger
_FORGOTTEN = "{}: expected one of the processes to do it, none did: run the same command again"
SCORES = ("distance", "unlike_training", "uncertainty", "marked")  # columns of it, where the records have them


@dataclass(frozen=True)
class PredictResult:
    """One record for every image done, one line for every image that was not; any of those makes the exit code 1.

    `domain_gap` says whether the images as a whole differ from the training images (`DomainGap.summary`); None for
    a single one, and where the model does not know those.
    """

    out: Path
    images: tuple[dict[str, Any], ...]
    failed: tuple[str, ...]
    seconds: float
    dry_run: bool = False
    domain_gap: dict[str, Any] | None = None
    run: Path = Path()

    @property
    def exit_code(self) -> int:
        """0 when every image was done, or left out because that was asked for."""
        return 1 if self.failed else 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "out": str(self.out),
            "images": list(self.images),
            "failed": list(self.failed),
            "domain_gap": self.domain_gap,
            "seconds": round(self.seconds, 3),
            "dry_run": self.dry_run,
        }

    def lines(self) -> list[str]:
        """The result for people."""
        bad = [f"not done: {line}" for line in self.failed]
        if self.dry_run:
            return [
                *bad,
                *(path for image in self.images for path in image["files"].values()),
                "dry run: nothing written",
            ]
        unlike = [Path(image["image"]).name for image in self.images if image.get("unlike_training")]
        left_out = sum(image.get("left_out", False) for image in self.images)
        done = len(self.images) - left_out
        without = f", {left_out} left out as unlike the training images" if left_out else ""
        count = f"{done} image{'s' * (done != 1)}"
        summary = f"{count} done in {duration(self.seconds)}, {len(bad)} not done{without}: {self.out}"
        return [*bad, summary, *unlike_lines(unlike, len(self.images)), *self._gap_lines()]

    def _gap_lines(self) -> list[str]:
        if self.domain_gap is None:
            return []
        train_on = f"segue fit DATA --model.weights {shlex.quote(str(self.run))}"
        then = f"if they are right, label some of these images and train on from this run: {train_on}"
        return gap_lines(self.domain_gap, f"these {self.domain_gap['images']} images", then)


def run(config: PredictConfig) -> PredictResult:
    """Predict what `config.paths` stand for; what cannot be read or written is reported and the others are done.

    Raises `UsageError` when an output would replace an input or a class is unknown, `RunError` or `WeightsError` when
    the model is at fault, and `RunError` when `config.out` cannot be made, the class to review has no threshold, or
    nothing says from where on to abstain.
    """
    began = time.perf_counter()
    with sharing() as group:
        plan = _planned(config) if group.first else None
        # what is wrong with the model is found before the other processes hear of anything, and said once
        work = _Work.of(config, plan) if plan is not None and not config.dry_run else None
        plan = group.from_first(plan)
        assert plan is not None, "the first process has one"
        if not config.dry_run:
            heard = group.to_first(_predict_part(work or _Work.of(config, plan), plan, group))
            group.from_first(None)  # nobody leaves before everything has arrived
    if not group.first:
        return PredictResult(config.out, (), (), 0.0)
    if work is None:
        records = tuple({"image": str(one.path), "files": _texts(plan.files[one])} for one in plan.files)
        return PredictResult(config.out, records, plan.missing, time.perf_counter() - began, dry_run=True)
    for _, said in heard:
        say(said)
    result = _concluded(config, plan, work, [part for part, _ in heard])
    return replace(result, seconds=time.perf_counter() - began)


@dataclass(frozen=True)
class _Plan:
    """Every image with the files planned for it and its own size in bytes, a line for every path that stands for none.

    All processes deal from these sizes: each might see others, of a file that is still being written or on its way.
    """

    files: dict[Input, Files]
    sizes: dict[Input, int]
    missing: tuple[str, ...]
    wanted: Wanted


def _planned(config: PredictConfig) -> _Plan:
    inputs, missing = find_images(config.paths, config.out)
    info = load_info(config.run)
    mark = load_mark(config.run, info, config.review) if config.review else None
    if config.abstain:
        require_threshold(config.run, load_seen(config.run, info))
    wanted = Wanted(config.probabilities, config.uncertainty, mark)
    files = {one: planned_files(one, config.out, wanted.kinds, config.overlay) for one in inputs}
    _refuse_to_replace(files)
    return _Plan(files, {one: _bytes(one.path) for one in files}, tuple(missing), wanted)


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # who reads it says what is wrong
        return 0


@dataclass(frozen=True)
class _Work:
    """What is done with every image; with `abstain`, no file is written for one unlike the training images."""

    segmenter: Segmenter
    wanted: Wanted
    abstain: bool

    @classmethod
    def of(cls, config: PredictConfig, plan: _Plan) -> _Work:
        """Load the model and make the folder."""
        if not any(outputs.raster for outputs in plan.files.values()):  # a scene's rows leave holes that add up
            keep_freed_memory(REUSED)
        segmenter = Segmenter.load(config.run, config.device, Tiling(config.tile, config.overlap, config.batch))
        make_folder(config.out)
        return cls(segmenter, plan.wanted, config.abstain)

    def leaves_out(self, look: Look) -> bool:
        """Whether nothing is to be written for an image."""
        return self.abstain and bool(self.segmenter.judged(look)[1])


@dataclass(frozen=True)
class _Done:
    """The record of an image, and what it is compared with the training images by."""

    record: dict[str, Any]
    look: Look


Failed = dict[Input, str]  # why an image was not done
Part = tuple[dict[Input, _Done], Failed]


def _predict_part(work: _Work, plan: _Plan, group: Group) -> tuple[Part, Said]:
    """What falls to this process, and what it would have said; a file's size stands for the work it makes."""
    mine = dealt(plan.sizes, group.size)[group.rank]
    # the first shows how far it is, and the others are about as far
    bar = progress_bar("predicting") if group.first else nullcontext(silent)
    with kept(group) as said, bar as update:
        return _predict_all(work, {one: plan.files[one] for one in mine}, update), said


def _concluded(config: PredictConfig, plan: _Plan, work: _Work, parts: Sequence[Part]) -> PredictResult:
    """All parts in the order of the plan, as one process would have done them, and what is said of the whole."""
    found = {one: record for done, _ in parts for one, record in done.items()}
    lines = {one: line for _, failed in parts for one, line in failed.items()}
    done = {one: found[one] for one in plan.files if one in found}
    undone = {one: lines.get(one, _FORGOTTEN.format(one.path)) for one in plan.files if one not in found}
    failed = (*plan.missing, *undone.values())
    images = tuple(one.record for one in done.values())
    seen = work.segmenter.seen
    if plan.wanted.uncertainty or plan.wanted.review or seen is not None:
        write_text(config.out / TABLE, _table(images, work.segmenter.classes.names))
    gap = _gap(done, seen) if seen is not None and len(done) > 1 else None
    return PredictResult(config.out, images, failed, 0.0, domain_gap=gap, run=config.run)


def _predict_all(work: _Work, files: dict[Input, Files], update: Callable[[float, str], None]) -> Part:
    """Pictures first, then rasters."""
    pictures = {one: outputs for one, outputs in files.items() if not outputs.raster}
    rasters = {one: outputs for one, outputs in files.items() if outputs.raster}

    def update_all(done: float, name: str) -> None:
        update(done / len(files), name)

    found, failed = _predict_pictures(work, pictures, update_all)
    for i, (one, outputs) in enumerate(rasters.items(), len(pictures)):

        def update_part(done: float, before: int = i, name: str = one.name) -> None:
            update_all(before + done, name)

        try:
            found[one] = _predict_raster(work, one, outputs, update_part)
        except (DataError, RunError) as error:
            failed[one] = _with_path(one.path, str(error))
    return found, failed


def _predict_pictures(work: _Work, files: dict[Input, Files], update: Callable[[float, str], None]) -> Part:
    """Decode, compute and write at the same time: reading runs ahead of the network, writing behind it."""
    failed: Failed = {}
    segmenter = work.segmenter

    def prepare(one: Input) -> Prepared:
        return segmenter.prepare(*read_with_missing(one.path, ranges=segmenter.info.prep.ranges))

    def predictions() -> Iterator[tuple[Input, Prepared, Prediction]]:
        for i, (one, loading) in enumerate(ahead(prepare, files)):
            update(i, one.name)
            try:
                prepared = loading.result()
            except DataError as error:
                failed[one] = _with_path(one.path, str(error))
                continue
            yield one, prepared, segmenter.segment(prepared, work.wanted)

    def write(item: tuple[Input, Prepared, Prediction]) -> _Done:
        return _write(work, *item, files[item[0]])

    images = {}
    for (one, _, _), writing in ahead(write, predictions(), threads=1):
        try:
            images[one] = writing.result()
        except RunError as error:
            failed[one] = _with_path(one.path, str(error))
    return images, failed


def _predict_raster(work: _Work, one: Input, files: Files, update: Callable[[float], None]) -> _Done:
    """Read, compute and write a raster a row of tiles at a time."""
    segmenter = work.segmenter
    make_folder(files.mask.parent)
    written = write_scene(segmenter, one.path, files.maps, work.wanted.review, update, work.leaves_out)
    size = (written.height, written.width)
    judged = _judgement(work, *segmenter.judged(written.look))
    if not written.kept:
        return _left_out(one, files, size, judged, written.look)
    if files.overlay is not None:
        write_scene_overlay(files.overlay, one.path, files.mask, segmenter)
    record = _record(one, files, size, written.tally, segmenter.classes.names)
    without = int(written.tally.counts["mask"][-1])
    return _Done(record | {"without_data": round(without / (size[0] * size[1]), 6)} | judged, written.look)


def _write(work: _Work, one: Input, prepared: Prepared, prediction: Prediction, files: Files) -> _Done:
    look = prediction.look
    assert look is not None, "a prediction of an image has one"
    height, width = prediction.mask.shape
    judged = _judgement(work, prediction.distance, prediction.unlike_training)
    if work.leaves_out(look):
        return _left_out(one, files, (height, width), judged, look)
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
    tally = Tally()
    tally.add(prediction.maps)
    return _Done(_record(one, files, (height, width), tally, prediction.classes.names) | judged, look)


def _left_out(one: Input, files: Files, size: tuple[int, int], judged: dict[str, Any], look: Look) -> _Done:
    """The record of an image that nothing is written for; what an earlier prediction wrote would pass for its own."""
    for path in files.present().values():
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise RunError(
                f"{path}: expected to remove the result of an earlier prediction, got {error.strerror}: remove it"
            ) from None
    record = {"image": str(one.path), "files": {}, "height": size[0], "width": size[1], "shares": {}}
    return _Done(record | judged | {"left_out": True}, look)


def _judgement(work: _Work, distance: float | None, unlike: bool | None) -> dict[str, Any]:
    if work.segmenter.seen is None:
        return {}
    known = distance is not None and distance == distance
    return {"distance": round(distance, 6) if known and distance is not None else None, "unlike_training": unlike}


def _gap(done: dict[Input, _Done], seen: Seen) -> dict[str, Any]:
    """Whether the images as a whole differ from the training images; of a folder or video among others, one counts."""
    names = [one.name for one in done]
    of = groups(names, [name.rpartition("/")[0] for name in names])
    looks = [(one.look.colours, seen.familiar.distance(one.look.features)) for one in done.values()]
    return domain_gap(looks, of, seen.colours, seen.familiar.held_out).summary()


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


def _table(records: Sequence[dict[str, Any]], names: Sequence[str]) -> str:
    """One row per image: what it is, whether it is unlike the training images, scores, the share of every class."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    scores = [name for name in SCORES if any(name in record for record in records)]
    rows.writerow(["image", "height", "width", *scores, *(f"share {name}" for name in names)])
    for record in records:
        values = [record.get(name) for name in scores] + [record["shares"].get(name) for name in names]
        rows.writerow([record["image"], record["height"], record["width"], *map(_cell, values)])
    return text.getvalue()


def _cell(value: float | bool | None) -> str:
    if value is None:
        return ""
    return ("yes" if value else "no") if isinstance(value, bool) else f"{value:.6f}"


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
