"""`segue fit`: read and check the data, build and load the network, train, evaluate, report."""

from __future__ import annotations

import dataclasses
import logging
import shlex
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from segue.config_file import read_fit_config, write_fit_config
from segue.configs import FitConfig
from segue.console import duration, processes, progress_bar
from segue.conversion import to_dict
from segue.data.augment.style import check_styles
from segue.data.folds import dealt
from segue.data.formats import open_index
from segue.data.partly import save_draw
from segue.data.prepare import Data, load_data, prepare, save_data
from segue.data.split import save_split
from segue.durable import write_text
from segue.errors import UsageError
from segue.metrics.phrases import cautions, headline, judged
from segue.models.origin import require_commercial
from segue.models.sources.choice import as_source_says
from segue.planning.file import deviations
from segue.planning.own_plan import decide_open, held_out, save_own_plan
from segue.planning.planner import Planned, options_that_differ
from segue.planning.validation import folds_line, folds_pay, refuse_beside_folds, refuse_part, refuse_validation
from segue.records import read_record
from segue.report.pictures import save_train_batch
from segue.train.checkpoint import remove_checkpoints
from segue.train.lock import held
from segue.train.loop import Loop, run_loop
from segue.train.processes import ALONE, everyone
from segue.train.record import Recorder, seconds_so_far
from segue.train.resolve import resolve
from segue.train.run_folder import (
    CHECKPOINTS,
    CONFIG,
    DATA,
    EVALUATION,
    METRICS,
    PLAN,
    SPLIT,
    create_run_folder,
    fold_folders,
    is_complete,
    require_empty,
    require_run,
)
from segue.train.signals import stop_request
from segue.train.start import check, install, resume, start
from segue.train.state import State
from segue.train.together import together
from segue.transfer.lr_groups import encoder_peak
from segue.trust.domain_phrases import fit_lines

_log = logging.getLogger("segue")


@dataclass(frozen=True)
class FitResult:
    """What a fit left behind: the run folder, the evaluation of its best model, and the wall clock over all sittings.

    A dry run has no folder and no evaluation; `config` is what would have run.
    """

    run: Path | None
    evaluation: dict[str, Any]
    seconds: float
    config: FitConfig
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        run = str(self.run) if self.run else None
        return {"run": run, "evaluation": self.evaluation, "seconds": self.seconds, "config": to_dict(self.config)}

    def lines(self) -> list[str]:
        """The result for people."""
        if self.run is None:
            return [yaml.safe_dump(to_dict(self.config), sort_keys=False).rstrip(), "", "dry run: nothing was written"]
        kind = "images" if "folds" in self.evaluation else "validation images"
        said = judged(self.evaluation)
        return [
            headline(self.evaluation, f"{self.evaluation['n_images']} {kind}") + f", after {duration(self.seconds)}",
            *([said] if said else []),
            *cautions(self.evaluation),
            *fit_lines(self.evaluation.get("domain")),
            f"report: {self.run / 'report.html'}",
            f"use it: segue predict {shlex.quote(str(self.run))} IMAGE… --out predictions",
        ]


def run(config: FitConfig, given: Collection[str] = (), began: float | None = None) -> FitResult:
    """Train as `config` says; see `FitConfig` for what each option does.

    `config.plan` names the plan whose values `config` holds already: the command line and `segue.fit` put them there.
    Without one, and with `config.configure`, what is at its default is decided from the data, but for the options whose
    dotted names are in `given`. Its clock started at `began` (of `time.perf_counter()`), or now. Processes that
    torchrun started train together; all get the result.

    Raises `DataError`, `WeightsError`, `RunError`, `RunTakenError`, `TrainingStoppedError` or `InterruptedRunError`.
    """
    began = time.perf_counter() if began is None else began
    if processes() > 1 and everyone() is ALONE:
        return together(lambda: _fit(config, given, began))
    return _fit(config, given, began)


def _fit(config: FitConfig, given: Collection[str], began: float) -> FitResult:
    if config.resume is not None:
        return _continue(config, given, began)
    config, data, planned = decided(config, given)
    if config.dry_run:
        check(config, data)
        return FitResult(None, {}, time.perf_counter() - began, config)
    if config.folds > 1:
        from segue.commands.folds import train_folds  # a fold is trained by what is here

        return train_folds(config, data, began, planned)
    return train_on(config, data, began, planned)


def decided(config: FitConfig, given: Collection[str] = ()) -> tuple[FitConfig, Data, Planned | None]:
    """What `run` would train with: the resolved configuration, the data, and what led to it where it was decided.

    It is said in one line. A dry run's configuration is decided without short trainings.
    """
    _refuse(config)
    if config.plan is not None:
        for deviation in deviations(config, config.plan):
            _log.info("given, so not as planned: %s", deviation)
    given = options_that_differ(config) | frozenset(given)
    config = dataclasses.replace(config, model=as_source_says(config.model))
    if config.commercial:
        scratch = config.transfer.mode == "scratch"
        require_commercial(config.model.encoder, None if scratch else config.model.weights)
    config, data, planned = _ready(config, given)
    everyone().require(config.optim.batch, config.train.device)
    _log.info("%s", _plan(config, data))
    return config, data, planned


def _refuse(config: FitConfig) -> None:
    """Refuse what can be told before any file is read."""
    if not config.paths:
        raise UsageError("expected a folder with images and masks, got none: segue fit DATA, or segue fit IMAGES MASKS")
    if config.steps is not None and config.minutes is not None:
        raise UsageError("expected --steps or --minutes, got both: minutes set the steps")
    if config.train.shard and config.train.precision == "fp16":
        raise UsageError("train.shard: expected bf16 or fp32, got fp16, whose loss scale would have to be agreed upon")
    if config.folds > 1:
        refuse_beside_folds(config)
    if config.out is not None and config.out.is_dir():
        require_empty(config.out)


def _ready(config: FitConfig, given: frozenset[str]) -> tuple[FitConfig, Data, Planned | None]:
    """The resolved configuration, the data, and what led to it, where it was not given by a plan."""
    configure = config.configure and config.plan is None
    index = open_index(config.paths, config.data.format, config.data.mask_name)
    if config.folds > 1:
        refuse_validation(config, index)
    if configure:
        config = held_out(config, index, given)
    with progress_bar("examining the data") as update:
        data = prepare(config.paths, config.data, config.seed, update, index)
    check_styles(config.augment, data.channels)
    if config.folds > 1:
        refuse_part(data, config.folds)
        dealt(data, config.seed, config.folds)  # refuses what cannot be divided, before time goes into comparing
    if not configure:
        return resolve(config, data), data, None
    with progress_bar("planning") as update:
        config, planned = decide_open(config, data, index, given, update)
    if config.folds == 1 and folds_pay(planned.fingerprint):
        _log.info("%s", folds_line(planned.fingerprint))
    return config, data, planned


def train_on(config: FitConfig, data: Data, began: float, planned: Planned | None = None) -> FitResult:
    """Train a resolved configuration on prepared data, in a new run folder; `began` as for `start`.

    `planned` is what led to the configuration, where this run decided itself.
    """
    started = start(config, data, began, everyone())
    folder = create_run_folder(config.out, config.paths[0].name)
    with held(folder):
        require_empty(folder)
        save_data(folder / DATA, data)
        if data.whole is None:
            save_split(data.samples, folder / SPLIT)
        else:
            save_draw(folder / SPLIT, data.whole)
        save_plan(folder, config, planned)
        loop = install(started, folder)
        write_fit_config(folder / CONFIG, config)  # last: a folder with a configuration is complete enough to resume
        return _train(loop, config, data, folder, began)


def save_plan(folder: Path, config: FitConfig, planned: Planned | None) -> None:
    """Write into a run folder what led to its configuration."""
    if config.plan is not None:
        write_text(folder / PLAN, config.plan.read_text(encoding="utf-8"))
    elif planned is not None:
        save_own_plan(folder, planned)


def _plan(config: FitConfig, data: Data) -> str:
    """What is about to run, in one line; config.yaml holds every option."""
    height, width = config.data.size or (0, 0)
    length = f"{config.steps} steps" if config.steps else f"{config.minutes:g} minutes"
    parts = f"{len(data.all('train'))} images to train on, {len(data.all('val'))} to validate with"
    if config.folds > 1:
        parts = f"{config.folds} networks for {len(data.samples)} images, each image held out of one of them"
        length = f"{length} each" if config.steps else f"{length} in all"
    return (
        f"{data.root}: {parts}, "
        f"{len(data.classes)} classes ({data.format}); {config.model.encoder} + {config.model.decoder}, "
        f"{config.transfer.mode}, rates {config.optim.lr:g} and {encoder_peak(config.optim, config.transfer):g} "
        f"(encoder), crops of {height}x{width}, {length} of {config.optim.batch}, "
        f"{config.train.precision} on {config.train.device}"
    )


def _continue(given: FitConfig, names: Collection[str], began: float) -> FitResult:
    folder = given.resume
    assert folder is not None, "called for --resume only"
    if given != FitConfig(resume=folder, json=given.json) or not {"resume", "json"}.issuperset(names):
        raise UsageError("--resume takes no other option: the run goes on with the configuration it was started with")
    require_run(folder)
    config = read_fit_config(folder / CONFIG)
    everyone().require(config.optim.batch, config.train.device)
    with held(folder):
        if is_complete(folder):
            return _completed(config, folder)
        if config.folds > 1:
            from segue.commands.folds import continue_folds  # as above

            return continue_folds(config, folder)
        data = load_data(folder / DATA)
        return _train(resume(config, data, folder, began, everyone()), config, data, folder)


def _completed(config: FitConfig, folder: Path) -> FitResult:
    """The result of a run that has nothing left to do, from its records."""
    weights = folder if config.folds == 1 else fold_folders(folder, config.folds)[0]
    again = f"segue fit DATA --model.weights {shlex.quote(str(weights))}"
    _log.info("%s is complete, nothing is left to do; to train on: %s", folder, again)
    evaluation = read_record(folder / EVALUATION, "miou", "interval", "n_images")
    remove_checkpoints(folder / CHECKPOINTS)  # it may have been killed before it did
    return FitResult(folder, evaluation, seconds_trained(config, folder), config)


def seconds_trained(config: FitConfig, folder: Path) -> float:
    """The wall clock of a run's training over all sittings, or of all its folds together."""
    runs = [folder] if config.folds == 1 else fold_folders(folder, config.folds)
    return sum(max(seconds_so_far(run / METRICS).values(), default=0.0) for run in runs)


def _train(loop: Loop, config: FitConfig, data: Data, folder: Path, began: float | None = None) -> FitResult:
    """Train, evaluate, report; the clock of a run that is not gone on with has stood since `began`."""
    from segue.commands.conclude import conclude  # matplotlib and the report, only once there is something to report

    recorder = Recorder(folder, loop)
    first = loop.data.batch(0, config.optim.batch)
    save_train_batch(folder / "train_batch.jpg", first, data.classes, loop.validator.prep)
    if began is not None:
        loop.state.seconds = time.perf_counter() - began  # what was written since the loop was made counts as well
    with stop_request() as stop, progress_bar("training") as update:
        loop.on_validation = recorder.write
        loop.on_step = lambda state: update(state.progress, _position(state))
        run_loop(loop, stop)
    loop.validator = dataclasses.replace(loop.validator, group=ALONE)  # the others have nothing left to do
    began = time.perf_counter()
    with progress_bar("evaluating") as update:
        evaluation = conclude(loop, config, data, folder, update)
    remove_checkpoints(loop.folder)
    seconds = loop.state.seconds + time.perf_counter() - began
    return FitResult(folder, evaluation, seconds, config)


def _position(state: State) -> str:
    best = f" · best mIoU {state.best_miou:.3f}" if state.history else ""
    return f"step {state.step}/{state.total_steps}{best} · {duration(_left(state))} left"


def _left(state: State) -> float:
    # validations so far are part of the seconds so far, so the estimate holds them too
    return state.seconds * (1 - state.progress) / state.progress if state.progress else 0.0
