"""`segue evaluate`: a run against labelled images, with an interval."""

from __future__ import annotations

import json
import logging
import shlex
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segue.configs import EvaluateConfig
from segue.console import progress_bar
from segue.conversion import to_dict
from segue.data.classes import Classes
from segue.data.formats import open_index
from segue.data.index import Index, Problem, Sample
from segue.durable import make_folder, write_text
from segue.errors import DataError, RunError, RunTakenError, UsageError
from segue.infer.evaluate import Evaluation, evaluate
from segue.infer.match import check_masks, match_classes
from segue.infer.segmenter import Segmenter
from segue.models.artifact import load_info

_LOG = logging.getLogger("segue")
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

    def lines(self) -> list[str]:
        """The result for people."""
        if self.dry_run:
            return [f"{self.summary['n_images']} images ({self.split}) fit the run; dry run: nothing was computed"]
        wide = max(len(row["name"]) for row in self.summary["classes"])
        rows = [f"  {row['name']:<{wide}}  {_figure(row['iou'])}" for row in self.summary["classes"]]
        excluded = self.summary["excluded"]
        note = [f"not in the mean, since no pixel is or was called so: {', '.join(excluded)}"] if excluded else []
        files = [f"report: {self.out / 'report.html'}"] if self.out else []
        if self.trained_on:
            note.append(f"caution: the run was trained on {self.trained_on} of these images, which flatters the score")
        return [f"IoU on {self.summary['n_images']} images ({self.split}):", *rows, self._mean(), *note, *files]

    def _mean(self) -> str:
        low, high = self.summary["interval"]
        if low is None:
            return f"mIoU {_figure(self.summary['miou'])}"
        unit = f"{self.summary['interval_units']} {self.summary['interval_unit']}"
        return f"mIoU {_figure(self.summary['miou'])} (95 % interval {low:.3f} to {high:.3f}, over {unit})"


def run(config: EvaluateConfig) -> EvaluateResult:
    """Score a run; see `EvaluateConfig` for the options.

    Raises `DataError` when the data does not fit the run, `RunError` or `WeightsError` when the model is at fault, and
    `RunTakenError` when `config.out` is a run folder.
    """
    if not config.paths:
        raise UsageError("expected a run and labelled data, got no data: segue evaluate RUN DATA")
    _refuse_run(config.out)
    info = load_info(config.run)
    index = open_index(config.paths, config.format, config.mask_name)
    _warn(index.problems)
    recorded = recorded_split(config.run, index)
    split, samples = choose(index, config.split, recorded)
    trained_on = sum(recorded.get(sample.id) == "train" for sample in samples)
    classes = match_classes(info.classes, index)
    check_masks(samples, classes, index.ignore)
    if config.dry_run:
        return EvaluateResult({"n_images": len(samples)}, config.run, split, config.out, trained_on, dry_run=True)
    segmenter = Segmenter.load(config.run, config.device)
    with progress_bar("evaluating") as update:
        evaluation = evaluate(segmenter, samples, classes, update)
    summary = evaluation.summary(config.resamples, config.seed)
    result = EvaluateResult(summary, config.run, split, config.out, trained_on)
    if config.out is not None:
        _write(config.out, config, result, evaluation, _Evaluated(segmenter, index, samples, classes))
    return result


def _refuse_run(out: Path | None) -> None:
    if out is not None and any((out / name).exists() for name in _RECORDS):
        raise RunTakenError(
            f"{out}: expected a folder for the scores, it holds a run whose own record they would replace: "
            "use another --out"
        )


def _warn(problems: tuple[Problem, ...]) -> None:
    """One line for each kind of finding: a set that is scored in part should not look like a whole one."""
    grave = [found for found in problems if found.severity != "info"]
    for code, count in Counter(found.code for found in grave).items():
        first = next(found for found in grave if found.code == code)
        _LOG.warning("%s (%d), such as %s: %s; segue doctor tells more", code, count, first.path.name, first.message)


def choose(index: Index, split: str, recorded: dict[str, str]) -> tuple[str, tuple[Sample, ...]]:
    """The labelled samples to evaluate on, and the name of their part.

    `recorded` (see `recorded_split`) holds where the layout has no validation part and every labelled image is in it,
    that is, where this is the data of the run: images it was trained on would flatter it.
    """
    labelled = [sample for sample in index.samples if sample.mask is not None]
    parts = {sample.id: sample.split for sample in labelled}
    if "val" not in parts.values() and all(name in recorded for name in parts):
        parts = {name: recorded[name] for name in parts}
    if split == "auto":
        split = "val" if "val" in parts.values() else "all"
    chosen = tuple(sample for sample in labelled if split in ("all", parts[sample.id]))
    if not chosen:
        there = ", ".join(sorted({part or "no split" for part in parts.values()})) or "none"
        raise DataError(f"{index.root}: expected labelled images in the split {split}, got none (there: {there})")
    return split, chosen


def recorded_split(run: Path, index: Index) -> dict[str, str]:
    """The part of a run's own data that each sample of `index` belongs to, by id; samples it never saw are left out.

    A sample is recognised by the size of its files and its id, or the last part of it where the record has one such
    sample only: data that moved, or whose folders were renamed, is still known and other data with the same names is
    not. Empty beside a bare model folder, which has no record.
    """
    path = run / "data.json"
    if not path.is_file():
        return {}
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["samples"]
        record = {(entry["id"], entry["bytes"]): entry["split"] for entry in entries}
        by_stem: dict[tuple[str, int], list[str]] = defaultdict(list)
        for (name, size), split in record.items():
            by_stem[_stem(name), size].append(split)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{path}: expected the record of a run's data, got a damaged one ({error})") from None
    known: dict[str, str] = {}
    for sample in index.samples:
        size = _bytes(sample)
        alike = by_stem.get((_stem(sample.id), size), [])
        split = record.get((sample.id, size)) or (alike[0] if len(alike) == 1 else None)
        if split:
            known[sample.id] = split
    return known


def _stem(name: str) -> str:
    return name.rpartition("/")[2]


def _bytes(sample: Sample) -> int:
    return sum(path.stat().st_size for path in (sample.image, sample.mask) if path is not None)


@dataclass(frozen=True)
class _Evaluated:
    segmenter: Segmenter
    index: Index
    samples: tuple[Sample, ...]
    classes: Classes


def _write(out: Path, config: EvaluateConfig, result: EvaluateResult, evaluation: Evaluation, what: _Evaluated) -> None:
    from segue.report.gather import summarise_data, worst_and_random  # matplotlib, only where a report is written
    from segue.report.inputs import ReportInputs
    from segue.report.page import write_report
    from segue.report.pictures import save_examples, save_worst
    from segue.report.plots import save_confusion

    make_folder(out)
    write_text(out / "evaluation.json", json.dumps(result.to_json(), indent=2, allow_nan=False) + "\n")
    write_text(out / "per_image.csv", evaluation.csv())
    save_confusion(out / "confusion.png", evaluation.matrix, what.classes.names)
    worst, random = worst_and_random(what.segmenter, what.samples, evaluation, classes=what.classes, seed=config.seed)
    save_worst(out / "worst", worst, what.classes)
    save_examples(out / "val_pred.jpg", random or worst, what.classes)
    info, index = what.segmenter.info, what.index
    data = summarise_data(str(index.root), index.format, what.samples, what.classes, info.prep.channels, index.problems)
    source = {"source": info.source.name, "licence": info.source.licence, "page": info.source.url or "–"}
    inputs = ReportInputs(
        title=f"{config.run.resolve().name} on {index.root.name} ({result.split})",
        classes=what.classes,
        summary=result.summary,
        matrix=evaluation.matrix,
        command=_command(config),
        worst=worst,
        random=random,
        data=data,
        pretrained=source,
        config=to_dict(config),
    )
    write_report(out / "report.html", inputs)


def _command(config: EvaluateConfig) -> str:
    paths = " ".join(shlex.quote(str(path)) for path in (config.run, *config.paths))
    return f"segue evaluate {paths} --split {config.split} --seed {config.seed} --out {shlex.quote(str(config.out))}"


def _figure(value: float | None) -> str:
    return "  –  " if value is None else f"{value:.3f}"
