"""`segue forecast`: train on a quarter and a half of a run's images, and say what more labels would bring."""

from __future__ import annotations

import dataclasses
import json
import logging
import shlex
import shutil
import time
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from segue.commands import fit
from segue.commands.columns import in_columns
from segue.config_file import read_fit_config
from segue.configs import FitConfig, ForecastConfig
from segue.console import duration
from segue.data.prepare import Data, load_data
from segue.durable import make_folder, write_text
from segue.errors import DataError, RunError
from segue.infer.counts import FILE, Counts, load_counts
from segue.metrics.phrases import figure
from segue.metrics.units import resampling_units
from segue.train.run_folder import CONFIG, DATA, fold_folders, is_complete, require_run
from segue.trust.compare import aligned
from segue.trust.forecast import CHECKED, Forecast, Prediction, Trainings, forecast
from segue.trust.nested import nested_order

SHARES = (4, 2, 1)  # the images there are, divided by
FEWEST = 8  # training images: a quarter of fewer teaches nothing about the curve
_log = logging.getLogger("segue")


@dataclass(frozen=True)
class Job:
    """One training of the curve; `folder` is where it lies, and that of the run itself for its own."""

    images: int
    seed: int
    folder: Path

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return (self.folder / CONFIG).is_file() and is_complete(self.folder)


@dataclass(frozen=True)
class ForecastResult:
    """The measured curve and its continuation; a dry run has none, only what it would train and for how long."""

    forecast: Forecast | None
    prediction: Prediction | None
    jobs: tuple[Job, ...]
    target: float | None
    caution: str
    seconds: float
    out: Path
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types: the content of forecast.json."""
        left = [dataclasses.asdict(job) | {"folder": str(job.folder)} for job in self.jobs if not job.finished]
        if self.forecast is None or self.prediction is None:
            return {"to_train": left, "seconds": self.seconds, "out": str(self.out)}
        said = self.prediction
        return {
            "curve": [{"images": n, "miou": v} for n, v in zip(self.forecast.images, self.forecast.mious, strict=True)],
            "images": said.images,
            "miou": said.miou,
            "interval": [said.low, said.high],
            "power_law": said.power_law,
            "asymptote": self.forecast.curve.asymptote,
            "target": self.target,
            "needed": self._needed(),
            "interval_caution": self.caution or None,
            "to_train": left,
            "seconds": self.seconds,
            "out": str(self.out),
        }

    def _needed(self) -> dict[str, int | None] | None:
        if self.target is None or self.forecast is None:
            return None
        return dict(zip(("forecast", "at_best", "at_worst"), self.forecast.needed(self.target), strict=True))

    def lines(self) -> list[str]:
        """The result for people."""
        if self.forecast is None or self.prediction is None:
            left = [f"{job.images} images, seed {job.seed}" for job in self.jobs if not job.finished]
            cost = f", about {duration(self.seconds)}" if left else ""
            return [f"to train: {'; '.join(left) or 'nothing'}{cost}; dry run: nothing was trained"]
        said = self.prediction
        rows = [{"images": str(n), "mIoU": figure(v)} for n, v in self._points()]
        other = "" if said.power_law is None else f"; a power law says {said.power_law:.3f}"
        interval = f"95 % interval {said.low:.3f} to {said.high:.3f}"
        lines = [
            f"with {said.images} labelled images: mIoU {said.miou:.3f} ({interval}){other}",
            *self._target_line(),
            f"however many: at most about {self.forecast.curve.asymptote:.3f}",
            *in_columns(rows, [(head, itemgetter(head)) for head in ("images", "mIoU")]),
        ]
        beyond = said.images > self.forecast.images[-1] * 2**CHECKED
        checked = ["caution: the rule was checked up to four times the labels there are"] if beyond else []
        return [*lines, *checked, *([f"caution: {self.caution}"] if self.caution else []), f"files: {self.out}"]

    def _points(self) -> list[tuple[int, float]]:
        assert self.forecast is not None, "asked for the lines of a forecast only"
        return list(zip(self.forecast.images, self.forecast.mious, strict=True))

    def _target_line(self) -> list[str]:
        if self.target is None or self.forecast is None:
            return []
        forecast, best, worst = self.forecast.needed(self.target)
        if self.target <= self.forecast.mious[-1]:
            return [f"mIoU {self.target:g}: reached with the images there are"]
        if forecast is None:
            hope = f", at best with {best}" if best is not None else ""
            return [f"mIoU {self.target:g}: unreachable with more images of this kind and this recipe{hope}"]
        end = "unreachable" if worst is None else str(worst)
        return [f"mIoU {self.target:g}: about {forecast} labelled images (at best {best}, at worst {end})"]


def run(config: ForecastConfig) -> ForecastResult:
    """Train what is missing and continue the curve; see `ForecastConfig` for the options.

    Trainings that were finished are kept and one that was interrupted goes on, so the command can be given again.
    Raises `RunError` for a folder without a finished run, `DataError` for too few images, and what a fit raises.
    """
    require_run(config.run)
    if not is_complete(config.run):
        finish = f"segue fit --resume {shlex.quote(str(config.run))}"
        raise RunError(f"{config.run}: expected a finished run: finish it with {finish}")
    trained, data = read_fit_config(config.run / CONFIG), load_data(config.run / DATA)
    if trained.folds > 1:
        raise RunError(
            f"{config.run}: expected a run with one part held out, got {trained.folds} folds: forecast from one of "
            f"them, segue forecast {shlex.quote(str(fold_folders(config.run, trained.folds)[0]))}"
        )
    if data.whole is not None:
        raise RunError(
            f"{config.run}: expected a run whose images were all looked at, got {len(data.samples)} of "
            f"{data.whole.draw.images}: with so many, hold some back with a shorter list and compare two runs"
        )
    count = len(data.of("train"))
    if count < FEWEST:
        raise DataError(f"{data.root}: expected {FEWEST} or more training images to forecast from, got {count}")
    out = config.out or config.run / "forecast"
    jobs = tuple(_jobs(config, trained.seed, count, out))
    for job in jobs:
        _require_own(job, trained)
    cost = sum(not job.finished for job in jobs) * _seconds(config.run)
    if config.dry_run:
        return ForecastResult(None, None, jobs, config.target, "", cost, out)
    began = time.perf_counter()
    left = sum(not job.finished for job in jobs)
    if left:
        _log.info("%d trainings with the run's own configuration, about %s in all", left, duration(cost))
    make_folder(out)
    for job in jobs:
        if not job.finished:
            _train(job, trained, data)
    trainings = _gather(jobs, len(SHARES), config.seeds)
    said = forecast(trainings, seed=trained.seed)
    prediction = said.at(round(config.factor * count))
    seconds = time.perf_counter() - began
    result = ForecastResult(said, prediction, jobs, config.target, trainings.units.caution, seconds, out)
    write_text(out / "forecast.json", json.dumps(result.to_json(), indent=1) + "\n")
    return result


def _jobs(config: ForecastConfig, first: int, count: int, out: Path) -> list[Job]:
    """A training for each size and seed; with the first seed and all images it is the run itself."""
    jobs = []
    for share in SHARES:
        for seed in range(first, first + config.seeds):
            images = round(count / share)
            own = share == 1 and seed == first
            jobs.append(Job(images, seed, config.run if own else out / f"{images}-images-seed-{seed}"))
    return jobs


def _require_own(job: Job, config: FitConfig) -> None:
    """Refuse a training that lies in the place of ours and is another run's: its scores would pass for ours."""
    if not (job.folder / CONFIG).is_file():
        return
    own = dataclasses.replace(config, seed=job.seed, out=None, plan=None)
    if dataclasses.replace(read_fit_config(job.folder / CONFIG), out=None, plan=None) != own:
        raise RunError(
            f"{job.folder}: expected a training with the run's own configuration, got another run's: use another --out"
        )


def _seconds(run: Path) -> float:
    """How long the run took to train: the best guess for another with the same number of steps."""
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return float(json.loads(lines[-1])["seconds"]) if lines else 0.0


def _train(job: Job, config: FitConfig, data: Data) -> None:
    _log.info("training on %d of %d images, seed %d", job.images, len(data.of("train")), job.seed)
    if (job.folder / CONFIG).is_file():
        fit.run(FitConfig(resume=job.folder))
        return
    shutil.rmtree(job.folder, ignore_errors=True)  # stopped before it could be resumed
    own = dataclasses.replace(config, seed=job.seed, out=job.folder, plan=None)
    fit.train_on(own, subset(data, job.images, job.seed), time.perf_counter())


def subset(data: Data, images: int, seed: int) -> Data:
    """The data with so many of its training images; classes, preprocessing and validation images stay as they are."""
    order = nested_order(data.counts_of("train"), seed)[:images]
    kept = {data.of("train")[i].id for i in order}
    chosen = [sample.split != "train" or sample.id in kept for sample in data.samples]
    of_train = [sample.id in kept for sample in data.of("train")]
    return dataclasses.replace(
        data,
        samples=tuple(sample for sample, keep in zip(data.samples, chosen, strict=True) if keep),
        pixels=data.pixels[chosen],
        sizes=tuple(size for size, keep in zip(data.sizes, of_train, strict=True) if keep),
    )


def _gather(jobs: tuple[Job, ...], sizes: int, seeds: int) -> Trainings:
    counts: list[Counts] = [load_counts(job.folder / FILE) for job in jobs]
    first = counts[0]
    units = resampling_units(len(first.ids), first.groups)
    matrices = np.stack([units.sums(aligned(first, one).matrices) for one in counts])
    images = tuple(job.images for job in jobs[::seeds])
    return Trainings(images, matrices.reshape(sizes, seeds, *matrices.shape[1:]), units)
