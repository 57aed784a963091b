"""`segue fit --folds`: a fit for each fold, every image judged by the network that has not seen it, the mean kept."""

from __future__ import annotations

import dataclasses
import logging
import shlex
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segue.commands import fit
from segue.commands.conclude import pretrained_facts, report_inputs
from segue.config_file import read_fit_config, write_fit_config
from segue.configs import FitConfig
from segue.console import progress_bar
from segue.data.folds import divided, load_folds, save_folds, with_fold
from segue.data.prepare import Data, load_data, save_data
from segue.errors import InterruptedRunError
from segue.infer.evaluate import Evaluation, evaluate
from segue.infer.out_of_fold import OutOfFold
from segue.infer.segmenter import Segmenter
from segue.metrics.confusion import number, scores
from segue.metrics.phrases import judged
from segue.models.ensemble_file import save_ensemble
from segue.planning.fingerprint import ALIKE
from segue.planning.planner import Planned
from segue.planning.validation import FEWEST_MINUTES, SHARE_OF_FOLDS
from segue.records import read_record
from segue.report.folder import write_evaluation
from segue.train.lock import held
from segue.train.run_folder import (
    CONFIG,
    DATA,
    ENVIRONMENT,
    FOLD_OF,
    LOADED,
    MODEL,
    SPLIT,
    create_run_folder,
    fold_folders,
    is_complete,
    require_empty,
)
from segue.train.start import start
from segue.trust.crossfit import cross_fitted

_log = logging.getLogger("segue")


def train_folds(config: FitConfig, data: Data, began: float, planned: Planned | None = None) -> fit.FitResult:
    """Train a resolved configuration once for each fold, in a new run folder; arguments as of `fit.train_on`."""
    whole, fold_of = divided(data, config.seed, config.folds)
    _warn_of_repeats(config, data)
    # a wrong name or a refused file costs no run folder, as for any fit
    start(dataclasses.replace(config, steps=1, minutes=None), with_fold(whole, fold_of, 1), began)
    folder = create_run_folder(config.out, config.paths[0].name)
    with held(folder):
        require_empty(folder)
        save_data(folder / DATA, whole)
        save_folds(folder / FOLD_OF, fold_of)
        fit.save_plan(folder, config, planned)
        write_fit_config(folder / CONFIG, config)  # last: a folder with a configuration is complete enough to resume
        return _run(config, whole, fold_of, folder, began)


def continue_folds(config: FitConfig, folder: Path) -> fit.FitResult:
    """Go on where the run in `folder` stopped; the caller holds its lock."""
    whole = load_data(folder / DATA)
    fold_of = load_folds(folder / FOLD_OF, whole.samples, config.folds)
    return _run(config, whole, fold_of, folder, time.perf_counter())


def _warn_of_repeats(config: FitConfig, data: Data) -> None:
    """The doctor has looked for images that repeat one of the other part; with folds there are more parts than two."""
    alike = {problem.path for problem in data.findings if problem.code in ALIKE}
    if alike and not config.data.group_duplicates:
        _log.warning(
            "%d images repeat another one, exactly or nearly, and may be held out of different folds, which flatters "
            "the score: keep them together with --data.group-duplicates",
            len(alike),
        )


def _run(config: FitConfig, whole: Data, fold_of: dict[str, int], folder: Path, began: float) -> fit.FitResult:
    minutes = None if config.minutes is None else _minutes_each(config, folder, time.perf_counter() - began)
    runs = fold_folders(folder, config.folds)
    for fold, run in enumerate(runs, 1):
        if (run / CONFIG).is_file() and is_complete(run):
            continue
        _log.info("fold %d of %d", fold, config.folds)
        own = dataclasses.replace(config, folds=1, minutes=minutes, out=run, plan=None, configure=False)
        try:
            _train(own, with_fold(whole, fold_of, fold))
        except InterruptedRunError as error:
            raise InterruptedRunError(
                f"stopped in fold {fold} of {config.folds}, state saved: continue with segue fit --resume "
                f"{shlex.quote(str(folder))}",
                error.exit_code - 128,
            ) from error
    evaluation = _conclude(config, whole, OutOfFold(_segmenters(config, runs), fold_of), folder)
    return fit.FitResult(folder, evaluation, fit.seconds_trained(config, folder) + evaluation["seconds"], config)


def _segmenters(config: FitConfig, runs: Sequence[Path]) -> tuple[Segmenter, ...]:
    return tuple(Segmenter.load(run, config.train.device) for run in runs)


def _minutes_each(config: FitConfig, folder: Path, seconds: float) -> float:
    """What each fold gets after so many `seconds` of preparation: as much as those that were begun before."""
    for run in fold_folders(folder, config.folds):
        if (run / CONFIG).is_file() and (given := read_fit_config(run / CONFIG).minutes) is not None:
            return given
    assert config.minutes is not None, "called for a budget only"
    return max(FEWEST_MINUTES, SHARE_OF_FOLDS * (config.minutes - seconds / 60) / config.folds)


def _train(config: FitConfig, data: Data) -> None:
    """A fit like any other, gone on with where it was begun before."""
    assert config.out is not None, "a fold lies in the run's folder"
    if (config.out / CONFIG).is_file():
        fit.run(FitConfig(resume=config.out))
        return
    shutil.rmtree(config.out, ignore_errors=True)  # stopped before it could be resumed
    # the split is written by the fit itself, and named so that the fold's own command gives it again
    split = dataclasses.replace(config.data, split=config.out.resolve() / SPLIT)
    fit.train_on(dataclasses.replace(config, data=split), data, time.perf_counter())


def _conclude(config: FitConfig, whole: Data, judge: OutOfFold, folder: Path) -> dict[str, Any]:
    """Judge every image, write the ensemble, scores, pictures and report; returns the content of evaluation.json."""
    with progress_bar("judging every image by the network that has not seen it") as update:
        evaluation = evaluate(judge, whole.samples, progress=update)
    assert evaluation.sample is not None, "an evaluation of images has one"
    calibration = cross_fitted(evaluation.sample, evaluation.groups)
    summary = evaluation.summary(seed=config.seed) | {
        "calibration": calibration.summary(),
        "folds": [_of_fold(evaluation, judge, fold) for fold in range(1, config.folds + 1)],
    }
    runs = fold_folders(folder, config.folds)
    save_ensemble(folder / MODEL, runs, calibration.temperature, {"miou": scores(evaluation.matrix).miou})
    inputs = dataclasses.replace(
        report_inputs(folder, config, whole, judge, whole.samples, evaluation, summary),
        pretrained=pretrained_facts(read_record(runs[0] / LOADED, "source", "summary")),
        environment=read_record(runs[0] / ENVIRONMENT),
        seconds=fit.seconds_trained(config, folder),
        judged=judged(summary),
    )
    write_evaluation(folder, summary, evaluation, inputs)
    return summary


def _of_fold(evaluation: Evaluation, judge: OutOfFold, fold: int) -> dict[str, Any]:
    inside = [judge.fold_of[name] == fold for name in evaluation.ids]
    return {"images": sum(inside), "miou": number(scores(evaluation.matrices[inside].sum(axis=0)).miou)}
