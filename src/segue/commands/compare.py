"""`segue compare`: is one of two runs better, on the same images?"""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from segue.commands.columns import in_columns
from segue.commands.evaluate import choose, recorded_split
from segue.configs import CompareConfig
from segue.console import progress_bar
from segue.data.findings import log_findings
from segue.data.formats import open_index
from segue.errors import DataError, RunError, UsageError
from segue.infer.counts import FILE, Counts, load_counts
from segue.infer.evaluate import evaluate
from segue.infer.match import check_masks, match_classes
from segue.infer.segmenter import Segmenter
from segue.metrics.confusion import number
from segue.metrics.phrases import figure
from segue.records import read_record
from segue.trust.compare import Comparison, Difference, compare

_HEADS = ("class", "first", "second", "difference", "95 % interval")


@dataclass(frozen=True)
class CompareResult:
    """The comparison, the two runs by name, and how many of the images each was trained on: they flatter it."""

    comparison: Comparison
    runs: tuple[Path, Path]
    trained_on: tuple[int, int]
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        said, interval = self.comparison, self.comparison.miou.interval
        return {
            "answer": said.answer,
            "miou": _row(said.miou),
            "classes": [{"name": name} | _row(one) for name, one in said.classes.items()],
            "n_images": said.images,
            "interval_unit": interval.unit,
            "interval_units": interval.units,
            "interval_caution": interval.caution or None,
            "margin": said.margin,
            "needed": said.needed,
            "runs": [str(run) for run in self.runs],
            "trained_on": list(self.trained_on),
        }

    def lines(self) -> list[str]:
        """The answer for people, then what it rests on."""
        said, (first, second) = self.comparison, self.runs
        interval = said.miou.interval
        rows = [_cells(name, one) for name, one in [*said.classes.items(), ("mean", said.miou)]]
        note = [f"caution: {interval.caution}"] if interval.caution else []
        note += [
            f"caution: {run} was trained on {count} of these images, which flatters it"
            for run, count in zip(self.runs, self.trained_on, strict=True)
            if count
        ]
        return [
            self.sentence(),
            f"IoU on the same {said.images} images, first {first}, second {second}; difference with its 95 % interval "
            f"over {interval.units} {interval.unit}:",
            *in_columns(rows, [(head, itemgetter(head)) for head in _HEADS]),
            *note,
        ]

    def sentence(self) -> str:
        """Yes, no, or not enough images."""
        said, (first, second) = self.comparison, self.runs
        low, high = sorted(abs(end) for end in (said.miou.interval.low, said.miou.interval.high))
        if said.answer in ("first", "second"):
            better = second if said.answer == "second" else first
            small = f", which is less than the {said.margin:g} that matters" if high < said.margin else ""
            return f"yes: {better} is better, by {low:.3f} to {high:.3f} mIoU{small}"
        if said.answer == "alike":
            return f"no: a difference of more than {said.largest:.3f} mIoU either way is unlikely"
        if said.needed is None:
            return "not enough images: one says nothing about others"
        return (
            f"not enough images: a difference of up to {said.largest:.3f} mIoU may be there; about {said.needed} "
            f"{said.miou.interval.unit} would tell one of {said.margin:g}"
        )


def run(config: CompareConfig) -> CompareResult:
    """Compare two runs; see `CompareConfig` for the options.

    Without data, what each run wrote about its validation images is compared. Raises `DataError` when images or classes
    differ, and what `segue evaluate` raises.
    """
    if config.run_a is None or config.run_b is None:
        raise UsageError("expected two runs, got fewer: segue compare RUN_A RUN_B")
    runs = (config.run_a, config.run_b)
    if config.paths:
        first, second, trained_on = _evaluated(runs, config)
    else:
        first, second = (_recorded(folder) for folder in runs)
        trained_on = (_trained_on(runs[0]), _trained_on(runs[1]))
    said = compare(first, second, config.margin, resamples=config.resamples, seed=config.seed)
    return CompareResult(said, runs, trained_on)


def _recorded(folder: Path) -> Counts:
    if not (folder / FILE).is_file():
        raise RunError(
            f"{folder}: expected a run, or a folder of segue evaluate --out, it has no {FILE}: give labelled data to "
            "evaluate both on, segue compare RUN_A RUN_B DATA"
        )
    return load_counts(folder / FILE)


def _trained_on(folder: Path) -> int:
    record = folder / "evaluation.json"
    return int(read_record(record).get("trained_on", 0)) if record.is_file() else 0


def _evaluated(runs: tuple[Path, Path], config: CompareConfig) -> tuple[Counts, Counts, tuple[int, int]]:
    """Score both on images of the data; by default on those that neither was trained on."""
    index = open_index(config.paths, config.format, config.mask_name)
    log_findings(index.problems)
    recorded = [recorded_split(folder, index) for folder in runs]
    parts = recorded[0] | recorded[1] | {name: "train" for one in recorded for name in one if one[name] == "train"}
    _, samples = choose(index, config.split, parts)
    if config.split == "auto":
        samples = tuple(sample for sample in samples if parts.get(sample.id) != "train")
    if not samples:
        raise DataError(f"{index.root}: expected images that neither run was trained on, got none: give other data")
    counts = []
    for folder in runs:
        segmenter = Segmenter.load(folder, config.device)
        classes = match_classes(segmenter.info.classes, index)
        check_masks(samples, classes, index.ignore)
        with progress_bar(f"evaluating {folder.name}") as update:
            counts.append(evaluate(segmenter, samples, classes, update).counts())
    seen = [sum(one.get(sample.id) == "train" for sample in samples) for one in recorded]
    return counts[0], counts[1], (seen[0], seen[1])


def _row(one: Difference) -> dict[str, Any]:
    return {
        "first": number(one.first),
        "second": number(one.second),
        "difference": number(one.value),
        "interval": [number(one.interval.low), number(one.interval.high)],
    }


def _cells(name: str, one: Difference) -> dict[str, Any]:
    low, high = one.interval.low, one.interval.high
    span = "–" if low != low else f"{low:+.3f} to {high:+.3f}"
    change = "–" if one.value != one.value else f"{one.value:+.3f}"
    cells = (name, figure(number(one.first)), figure(number(one.second)), change, span)
    return dict(zip(_HEADS, cells, strict=True))
