"""`segue evaluate`: a run against labelled images, with an interval."""

from __future__ import annotations

import logging
import shlex
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from segue.configs import EvaluateConfig
from segue.console import progress_bar
from segue.conversion import to_dict
from segue.data.classes import Classes
from segue.data.findings import log_findings
from segue.data.formats import open_index
from segue.data.index import Index, Sample
from segue.data.prepare import bytes_on_disk
from segue.durable import make_folder
from segue.errors import DataError, RunError, RunTakenError, UsageError
from segue.infer.evaluate import Evaluation, evaluate
from segue.infer.match import check_masks, match_classes
from segue.infer.segmenter import Segmenter
from segue.metrics.case import Measure
from segue.metrics.measured import chosen
from segue.metrics.phrases import cautions, figure, headline, metric_lines
from segue.models.artifact import load_info
from segue.records import read_record
from segue.train.run_folder import MODEL
from segue.trust.crossfit import Calibration, cross_fitted, held_out, uncalibrated
from segue.trust.phrases import calibration_line

_log = logging.getLogger("segue")
_RECORDS = ("config.yaml", "data.json")  # what only a run folder holds


@dataclass(frozen=True)
class EvaluateResult:
    """The summary of an evaluation (`Evaluation.summary`), what was evaluated, and where the files are, if any.

    `trained_on` counts the images that the run was trained on: they flatter the score.
    """

    summary: dict[str, Any]
    run: Path
    split: str
    out: Path | None
    trained_on: int = 0
    dry_run: bool = False
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return self.summary | {
            "run": str(self.run),
            "split": self.split,
            "trained_on": self.trained_on,
            "out": str(self.out) if self.out else None,
            "dry_run": self.dry_run,
        }

    def flattered(self) -> str:
        """A caution where the run knows some of the images from training; empty elsewhere."""
        if not self.trained_on:
            return ""
        return f"the run was trained on {self.trained_on} of these images, which flatters the score"

    def lines(self) -> list[str]:
        """The result for people."""
        if self.dry_run:
            return [f"{self.summary['n_images']} images ({self.split}) fit the run; dry run: nothing was computed"]
        wide = max(len(row["name"]) for row in self.summary["classes"])
        rows = [f"  {row['name']:<{wide}}  {figure(row['iou'])}" for row in self.summary["classes"]]
        excluded = self.summary["excluded"]
        note = cautions(self.summary)
        note += [f"not in the mean, since no pixel is or was called so: {', '.join(excluded)}"] if excluded else []
        files = [f"report: {self.out / 'report.html'}"] if self.out else []
        if caution := self.flattered():
            note.append(f"caution: {caution}")
        further = metric_lines(self.summary.get("metrics", {}), self.summary.get("measure", {}))
        head = f"IoU on {self.summary['n_images']} images ({self.split}):"
        mean = headline(self.summary, f"{self.summary['n_images']} images")
        return [head, *rows, mean, calibration_line(self.summary["calibration"]), *further, *note, *files]


def run(config: EvaluateConfig) -> EvaluateResult:
    """Score a run; see `EvaluateConfig` for the options.

    Raises `DataError` when the data does not fit the run, `RunError` or `WeightsError` when the model is at fault, and
    `RunTakenError` when `config.out` is a run folder.
    """
    if not config.paths:
        raise UsageError("expected a run and labelled data, got no data: segue evaluate RUN DATA")
    _refuse_run(config.out)
    measure = Measure(config.spacing, config.tolerance, config.missed)
    metrics = chosen(config.metrics, measure)
    info = load_info(config.run)
    index = open_index(config.paths, config.format, config.mask_name)
    log_findings(index.problems)
    recorded = recorded_split(config.run, index)
    split, samples = choose(index, config.split, recorded)
    trained_on = sum(recorded.get(sample.id) == "train" for sample in samples)
    classes = match_classes(info.classes, index)
    check_masks(samples, classes, index.ignore)
    if config.dry_run:
        return EvaluateResult({"n_images": len(samples)}, config.run, split, config.out, trained_on, dry_run=True)
    segmenter = Segmenter.load(config.run, config.device)
    with progress_bar("evaluating") as update:
        evaluation = evaluate(segmenter, samples, classes, update, metrics, measure)
    calibration = _calibration(evaluation, info.temperature, [recorded.get(sample.id) == "val" for sample in samples])
    summary = evaluation.summary(config.resamples, config.seed) | {"calibration": calibration.summary()}
    result = EvaluateResult(summary, config.run, split, config.out, trained_on)
    if config.out is not None:
        _write(config.out, config, result, evaluation, _Evaluated(segmenter, index, samples, classes))
    return result


def _calibration(evaluation: Evaluation, temperature: float | None, validated: list[bool]) -> Calibration:
    """How far confidence is off, with and without the model's temperature.

    Where that was fitted on some of these images (`validated`), it is measured with temperatures that were not.
    """
    assert evaluation.sample is not None, "an evaluation of images has one"
    if temperature is None:
        return uncalibrated(evaluation.sample)
    if any(validated):
        return replace(cross_fitted(evaluation.sample, evaluation.groups), temperature=temperature)
    return held_out(evaluation.sample, temperature)


def _refuse_run(out: Path | None) -> None:
    if out is not None and any((out / name).exists() for name in _RECORDS):
        raise RunTakenError(
            f"{out}: expected a folder for the scores, it holds a run whose own record they would replace: "
            "use another --out"
        )


def choose(index: Index, split: str, recorded: dict[str, str]) -> tuple[str, tuple[Sample, ...]]:
    """The labelled samples to evaluate on, and the name of their part.

    `recorded` (see `recorded_split`) holds where the layout has no validation part and most labelled images are in it,
    that is, where this is the data of the run: images it was trained on would flatter it. The others, new ones or those
    that moved and changed, belong to no part then, since they may have been trained on as well.
    """
    labelled = [sample for sample in index.samples if sample.mask is not None]
    parts = {sample.id: sample.split for sample in labelled}
    unknown = sum(name not in recorded for name in parts)
    own = "val" not in parts.values() and unknown < len(parts) / 2
    if own:
        parts = {name: recorded.get(name, "") for name in parts}
    if split == "auto":
        split = "val" if "val" in parts.values() else "all"
    chosen = tuple(sample for sample in labelled if split in ("all", parts[sample.id]))
    if not chosen:
        there = ", ".join(sorted({part or "no split" for part in parts.values()})) or "none"
        raise DataError(f"{index.root}: expected labelled images in the split {split}, got none (there: {there})")
    if own and unknown and split != "all":
        _log.warning(
            "%d of %d images are new, or their files changed since the run: left out (--split all takes them in)",
            unknown,
            len(parts),
        )
    return split, chosen


def recorded_split(run: Path, index: Index) -> dict[str, str]:
    """The part of a run's own data that each sample of `index` belongs to, by id; samples it never saw are left out.

    A sample is recognised by the place of its image, whose mask may have been corrected since, or by the size of its
    files and its id, or the last part of it where the record has one such sample only: data that moved, or whose
    folders were renamed, is still known and other data with the same names is not. The model folder of a run has the
    record beside it; a copy has none, and nothing is known then.
    """
    path = run / "data.json"
    if not path.is_file() and run.resolve().name == MODEL:
        path = run.resolve().parent / path.name
    if not path.is_file():
        return {}
    try:
        entries = read_record(path, "samples")["samples"]
        record = {(entry["id"], entry["bytes"]): entry["split"] for entry in entries}
        by_place = {entry["image"]: entry["split"] for entry in entries if "image" in entry}
        by_stem: dict[tuple[str, int], list[str]] = defaultdict(list)
        for (name, size), split in record.items():
            by_stem[_stem(name), size].append(split)
    except (KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{path}: expected the record of a run's data, got a damaged one ({error})") from None
    known: dict[str, str] = {}
    for sample in index.samples:
        size = bytes_on_disk(sample)
        alike = by_stem.get((_stem(sample.id), size), [])
        place = str(sample.image.resolve())
        split = by_place.get(place) or record.get((sample.id, size)) or (alike[0] if len(alike) == 1 else None)
        if split:
            known[sample.id] = split
    return known


def _stem(name: str) -> str:
    return name.rpartition("/")[2]


@dataclass(frozen=True)
class _Evaluated:
    segmenter: Segmenter
    index: Index
    samples: tuple[Sample, ...]
    classes: Classes


def _write(out: Path, config: EvaluateConfig, result: EvaluateResult, evaluation: Evaluation, what: _Evaluated) -> None:
    from segue.report.folder import write_evaluation  # matplotlib, only where a report is written
    from segue.report.gather import summarise_splits, worst_and_random
    from segue.report.inputs import DataSummary, ReportInputs
    from segue.report.suspects import suspect_crops

    make_folder(out)
    worst, random = worst_and_random(what.segmenter, what.samples, evaluation, classes=what.classes, seed=config.seed)
    info, index = what.segmenter.info, what.index
    splits = summarise_splits(what.samples, evaluation.matrices.sum(axis=2))  # a row of the matrix is a true class
    data = DataSummary(str(index.root), index.format, info.prep.channels, splits, index.problems, examined=False)
    source = {"source": info.source.name, "licence": info.source.licence, "page": info.source.url or "–"}
    inputs = ReportInputs(
        title=f"{config.run.resolve().name} on {index.root.name} ({result.split})",
        caution=result.flattered(),
        classes=what.classes,
        summary=result.summary,
        matrix=evaluation.matrix,
        command=_command(config),
        worst=worst,
        random=random,
        suspects=suspect_crops(what.segmenter, what.samples, evaluation, classes=what.classes),
        data=data,
        pretrained=source,
        config=to_dict(config),
    )
    write_evaluation(out, result.to_json(), evaluation, inputs)


def _command(config: EvaluateConfig) -> str:
    words = ["segue", "evaluate", *map(str, (config.run, *config.paths)), "--split", config.split]
    for name in ("format", "mask_name", "device", "resamples"):
        if getattr(config, name) != getattr(EvaluateConfig, name):
            words += [f"--{name.replace('_', '-')}", str(getattr(config, name))]
    if config.metrics:
        words += ["--metrics", ",".join(config.metrics), "--missed", config.missed]
    if config.spacing is not None:
        words += ["--spacing", "x".join(f"{length:g}" for length in config.spacing)]
    if config.tolerance is not None:
        words += ["--tolerance", f"{config.tolerance:g}"]
    return shlex.join([*words, "--seed", str(config.seed), "--out", str(config.out)])
