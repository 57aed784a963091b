"""`segue review`: thresholds at which `segue predict --review` misses no more of a class than was asked."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segue.commands.evaluate import choose, recorded_split
from segue.configs import ReviewConfig
from segue.console import progress_bar
from segue.data.findings import log_findings
from segue.data.formats import open_index
from segue.errors import DataError, UsageError
from segue.infer.match import check_masks, match_classes
from segue.infer.misses import Misses, collect_misses
from segue.infer.review_file import Threshold, save_thresholds
from segue.infer.segmenter import Segmenter
from segue.metrics.units import resampling_units
from segue.models.artifact import ModelInfo, load_info
from segue.table import did_you_mean
from segue.trust.conformal import by_group, control, thresholds


@dataclass(frozen=True)
class ReviewResult:
    """The thresholds that were found, and for each class without one the reason.

    `images` were looked at; `unit` is what counts as one draw, and `groups` how many groups the images come from.
    """

    run: Path
    risk: float
    found: tuple[Threshold, ...]
    refused: dict[str, str]
    images: int
    unit: str
    groups: int
    split: str
    out: Path | None
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "run": str(self.run),
            "risk": self.risk,
            "classes": [asdict(one) for one in self.found],
            "refused": self.refused,
            "n_images": self.images,
            "unit": self.unit,
            "groups": self.groups,
            "split": self.split,
            "out": str(self.out) if self.out else None,
        }

    def lines(self) -> list[str]:
        """The result for people."""
        refused = [f"no threshold for {name}: {why}" for name, why in self.refused.items()]
        if self.out is None:
            return [f"{self.images} images ({self.split}) fit the run; dry run: nothing was computed"]
        wide = max(len(one.name) for one in self.found)
        rows = [f"  {one.name:<{wide}}  {_row(one)}" for one in self.found]
        return [
            f"to miss at most {100 * self.risk:g} % of a class, on average over new {self.unit}, look at the pixels "
            "where its probability is at least",
            *rows,
            *refused,
            *self._caution(),
            f"use it: segue predict {shlex.quote(str(self.run))} IMAGE… --review {shlex.quote(self.found[0].name)}",
        ]

    def _caution(self) -> list[str]:
        if self.unit == "groups" or self.groups >= self.images:
            return []
        return [
            f"caution: the images come from {self.groups} group{'s' * (self.groups != 1)} (videos, folders), and each "
            "counts as a draw of its own: this holds for further images of these groups, not for new ones"
        ]


def _row(one: Threshold) -> str:
    absent = f", {one.skipped} images without it left out" if one.skipped else ""
    return f"{one.threshold:.4f}  marks {100 * one.marked:.1f} % of the pixels ({one.units} {one.unit}{absent})"


def run(config: ReviewConfig) -> ReviewResult:
    """Find a threshold for each class and write it into the model folder; see `ReviewConfig` for the options.

    Raises `DataError` when the data does not fit the run, was trained on, or attains the risk for none of the classes,
    `UsageError` for a class the model does not know, and `RunError` or `WeightsError` when the model is at fault.
    """
    if not config.paths:
        raise UsageError("expected a run and labelled data, got no data: segue review RUN DATA")
    info = load_info(config.run)
    chosen = _chosen(config.classes, info)
    index = open_index(config.paths, config.format, config.mask_name)
    log_findings(index.problems)
    recorded = recorded_split(config.run, index)
    split, samples = choose(index, config.split, recorded)
    if seen := sum(recorded.get(sample.id) == "train" for sample in samples):
        raise DataError(
            f"{index.root}: expected images that the run was not trained on, got {seen} of them, on which it misses "
            "less than on new ones: use --split val, or other data"
        )
    classes = match_classes(info.classes, index)
    check_masks(samples, classes, index.ignore)
    groups = len({sample.group or sample.id for sample in samples})
    drawn = resampling_units(len(samples), [sample.group for sample in samples]).kind  # as for the intervals
    unit = drawn if config.unit == "auto" else config.unit
    result = ReviewResult(config.run, config.risk, (), {}, len(samples), unit, groups, split, None)
    if config.dry_run:
        return result
    segmenter = Segmenter.load(config.run, config.device)
    with progress_bar("looking for thresholds") as update:
        misses = collect_misses(segmenter, samples, classes, chosen, update)
    found, refused = _thresholds(info, chosen, misses, config.risk, unit)
    if not found:
        raise DataError(_none_attained(refused, unit, groups))
    out = save_thresholds(config.run, info, found)
    return ReviewResult(config.run, config.risk, found, refused, len(samples), unit, groups, split, out)


def _chosen(names: tuple[str, ...], info: ModelInfo) -> list[int]:
    known = info.classes.names
    for name in names:
        if name not in known:
            raise UsageError(f"classes: unknown class {name!r}: {did_you_mean(name, list(known))}")
    return [known.index(name) for name in names or known]


def _thresholds(
    info: ModelInfo, chosen: list[int], misses: list[Misses], risk: float, unit: str
) -> tuple[tuple[Threshold, ...], dict[str, str]]:
    found, refused = [], {}
    for number, one in zip(chosen, misses, strict=True):
        name = info.classes.names[number]
        keys = [group or f"\0{i}" for i, group in enumerate(one.groups)]
        losses = by_group(one.losses, keys) if unit == "groups" and len(keys) else one.losses
        try:
            step = control(losses, risk, unit=f"{unit} with this class")
        except DataError as error:
            refused[name] = str(error)
            continue
        threshold, missed = float(thresholds()[step]), float(np.mean(losses[:, step]))
        counts = (len(losses), len(one.losses), one.skipped)
        found.append(Threshold(name, risk, threshold, unit, *counts, missed, float(one.marked[step])))
    return tuple(found), refused


def _none_attained(refused: dict[str, str], unit: str, groups: int) -> str:
    name, why = next(iter(refused.items()))
    more = f" (and {len(refused) - 1} more classes)" if len(refused) > 1 else ""
    remedy = "label more images, or ask for a larger --risk"
    if unit == "groups":
        remedy += (
            f"; the images come from {groups} groups, and --unit images promises something about further images of "
            "these groups alone"
        )
    return f"{name}{more}: {why}: {remedy}"
