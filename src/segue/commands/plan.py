"""`segue plan`: take the data's fingerprint, choose a pretrained source, decide every option, write it down."""

from __future__ import annotations

import dataclasses
import functools
import shlex
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segue.configs import DataConfig, FitConfig, PlanConfig, TrainConfig
from segue.console import duration, progress_bar
from segue.data.formats import open_index
from segue.data.index import Index
from segue.data.prepare import prepare
from segue.durable import make_folder
from segue.errors import RunTakenError, UsageError
from segue.planning.candidates import Candidate, candidates, elsewhere, fallback
from segue.planning.choice import Choice
from segue.planning.decision import Decision, Decisions, shown
from segue.planning.explain import explain
from segue.planning.fingerprint import Fingerprint, take_fingerprint
from segue.planning.machine import measure_machine
from segue.planning.planner import plan_for, write_decisions
from segue.planning.validation import folds, has_validation, val_fraction
from segue.train.resolve import resolve
from segue.train.run_folder import PLAN


@dataclass(frozen=True)
class PlanResult:
    """The fingerprint, how the source was chosen, every decision; `plan` is the file, None of a dry run.

    `others` are sources that are not on this machine.
    """

    fingerprint: Fingerprint
    choice: Choice
    decisions: Decisions
    others: tuple[Candidate, ...]
    plan: Path | None
    paths: tuple[Path, ...]
    seconds: float
    explained: bool = False
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "fingerprint": dataclasses.asdict(self.fingerprint),
            "decisions": {name: dataclasses.asdict(one) for name, one in self.decisions.items()},
            "elsewhere": [dataclasses.asdict(one) for one in self.others],
            "plan": str(self.plan) if self.plan else None,
            "seconds": round(self.seconds, 1),
        }

    def lines(self) -> list[str]:
        """The decisions, or with `--explain` the whole reasoning, and what to do next."""
        if self.explained:
            text = explain(self.fingerprint, self.choice, self.decisions, self.others)
        else:
            text = [f"{name}: {shown(one.value)} ({one.rule})" for name, one in self.decisions.items()]
        if self.plan is None:
            return [*text, "", "dry run: nothing was written"]
        words = ["segue", "fit", *(str(path) for path in self.paths), "--plan", str(self.plan)]
        after = f"plan: {self.plan}, after {duration(self.seconds)}; edit it as you like, then"
        return [*text, "", after, shlex.join(words)]


def run(config: PlanConfig, given: Collection[str] = ()) -> PlanResult:
    """Plan as `config` says; see `PlanConfig`. Options whose dotted names are in `given` stand, also at their default.

    Raises `DataError`, `UsageError` or `WeightsError`, and `RunTakenError` where there is a plan: somebody may have
    edited it.
    """
    if not config.paths:
        raise UsageError("expected a folder with images and masks, got none: segue plan DATA")
    if (config.out / PLAN).exists() and not config.dry_run:
        raise RunTakenError(f"{config.out / PLAN}: expected no plan there, found one: move it, or use another --out")
    began = time.perf_counter()
    found = candidates(config.sources, commercial=config.commercial, max_ms=config.max_ms)
    index = open_index(config.paths, config.data.format, config.data.mask_name)
    held_out = _held_out(config, index, given)
    data_config = dataclasses.replace(config.data, val_fraction=held_out.value)
    with progress_bar("examining the data") as update:
        data = prepare(config.paths, data_config, config.seed, update, index)
    fit = FitConfig(config.paths, seed=config.seed, data=data_config, train=TrainConfig(device=config.device))
    fit = resolve(fit, data)
    machine = measure_machine(fit, data.channels, len(data.classes))
    val_given = config.data.split is not None or has_validation(index)
    fingerprint = take_fingerprint(data, machine, config.seed, val_given=val_given)
    otherwise = functools.partial(fallback, commercial=config.commercial, max_ms=config.max_ms)
    deadline = began + 60 * config.minutes
    with progress_bar("comparing sources and modes") as update:
        planned = plan_for(fit, data, fingerprint, (), found, otherwise, deadline, update)
    choice = planned.choice
    assert choice is not None, "there were sources to choose from, if only none that can be used"
    decisions = {**planned.decisions, "data.val_fraction": held_out, **folds(fingerprint), **_given(config)}
    if not config.dry_run:
        make_folder(config.out)
        write_decisions(config.out, fingerprint, decisions)
    return PlanResult(
        fingerprint=fingerprint,
        choice=choice,
        decisions=decisions,
        others=tuple(elsewhere(commercial=config.commercial, max_ms=config.max_ms)),
        plan=None if config.dry_run else config.out / PLAN,
        paths=config.paths,
        seconds=time.perf_counter() - began,
        explained=config.explain,
    )


def _held_out(config: PlanConfig, index: Index, given: Collection[str]) -> Decision:
    """The share to hold out."""
    if config.data.split is not None:
        return Decision(config.data.val_fraction, "not used: a split was given")
    if "data.val_fraction" in given or config.data.val_fraction != DataConfig().val_fraction:
        return Decision(config.data.val_fraction, "given")
    return val_fraction(index)


def _given(config: PlanConfig) -> Decisions:
    """What was asked for and has to hold in training as well."""
    said: Decisions = {}
    default = DataConfig()
    for field in dataclasses.fields(default):
        value = getattr(config.data, field.name)
        if value != getattr(default, field.name) and field.name != "val_fraction":
            said[f"data.{field.name}"] = Decision(str(value) if isinstance(value, Path) else value, "given")
    for name, value, usual in (
        ("train.device", config.device, "auto"),
        ("seed", config.seed, 0),
        ("commercial", config.commercial, False),
    ):
        if value != usual:
            said[name] = Decision(value, "given")
    return said
