"""Short trainings decide where scores do not: the best few for some steps, the better two of them for twice as many.

Successive halving (https://arxiv.org/abs/1502.07943) with the loop of `segue fit` itself, on smaller crops.
"""

from __future__ import annotations

import dataclasses
import logging
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segue.configs import FitConfig, TrainConfig
from segue.console import duration
from segue.data.census import spread
from segue.data.parallel import Update
from segue.data.prepare import Data
from segue.planning.candidates import Candidate
from segue.planning.network import with_source
from segue.train.loop import Loop, run_loop
from segue.train.resolve import default_size
from segue.train.signals import StopRequest
from segue.train.start import start, time_steps, time_validation
from segue.train.state import State

SHORTLIST = 3
MOST_PIXELS = 160 * 224  # of a crop: a quarter of the usual ones
VAL_IMAGES = 32
LEAST_STEPS, MOST_STEPS = 40, 250  # of the first round; fewer say nothing about the end
_log = logging.getLogger("segue")


@dataclass(frozen=True)
class Trial:
    """One short training: the candidate, its steps, and the mIoU on some of the validation images."""

    candidate: Candidate
    steps: int
    miou: float


@dataclass(frozen=True)
class Cost:
    """Steps of the first round that fit, none where there is no room, and the seconds of the whole comparison.

    With no room, `seconds` is what the shortest comparison would take.
    """

    steps: int
    seconds: float


class OutOfTimeError(Exception):
    """The time set for the comparison is up."""


def short_config(config: FitConfig, data: Data, candidate: Candidate, steps: int) -> FitConfig:
    """A resolved configuration for a short training of a candidate, with what suits it where that is left open."""
    config = with_source(config, candidate)
    size = default_size(data.sizes, MOST_PIXELS, config.augment.scale)
    train: TrainConfig = dataclasses.replace(config.train, validations=1, patience=1.0)
    data_config = dataclasses.replace(config.data, size=size)
    return dataclasses.replace(config, steps=steps, minutes=None, data=data_config, train=train)


def some_validation(data: Data) -> Data:
    """The data with at most `VAL_IMAGES` validation images, evenly spread."""
    kept = {sample.id for sample in (*data.of("train"), *spread(data.of("val"), VAL_IMAGES))}
    chosen = [place for place, sample in enumerate(data.samples) if sample.id in kept]
    return dataclasses.replace(data, samples=tuple(data.samples[i] for i in chosen), pixels=data.pixels[chosen])


def cost(step_seconds: Sequence[float], validation_seconds: Sequence[float], budget: float) -> Cost:
    """What the comparison takes; the two that train on are taken to be the slowest.

    >>> cost([1.0, 1.0, 1.0], [0.0, 0.0, 0.0], 700)
    Cost(steps=100, seconds=700.0)
    """
    per_step = sum(step_seconds) + 2 * sum(sorted(step_seconds)[-2:])
    fixed = sum(validation_seconds) + sum(sorted(validation_seconds)[-2:])
    steps = min(MOST_STEPS, int((budget - fixed) / per_step))
    if steps < LEAST_STEPS:
        return Cost(0, fixed + LEAST_STEPS * per_step)
    return Cost(steps, fixed + steps * per_step)


def estimate(shortlist: Sequence[Candidate], data: Data, config: FitConfig, deadline: float) -> Cost:
    """Measure a few steps of each candidate, and what fits until `time.perf_counter()` is `deadline`.

    Raises `OutOfTimeError` when measuring alone passes it.
    """
    steps, validations = [], []
    for candidate in shortlist:
        if time.perf_counter() > deadline:
            raise OutOfTimeError
        loop = short_loop(candidate, data, config, LEAST_STEPS)
        steps.append(time_steps(loop))
        validations.append(len(loop.validator.samples) * time_validation(loop))
    return cost(steps, validations, deadline - time.perf_counter())


def compare(
    shortlist: Sequence[Candidate], data: Data, config: FitConfig, steps: int, deadline: float, update: Update
) -> list[Trial]:
    """Train all for `steps`, the better two for twice as many; the trials in the order they ran.

    Raises `OutOfTimeError` when `time.perf_counter()` passes `deadline`.
    """
    first = [_train(candidate, data, config, steps, deadline, update) for candidate in shortlist]
    best = sorted(first, key=lambda trial: -trial.miou)[:2]
    return [*first, *(_train(trial.candidate, data, config, 2 * steps, deadline, update) for trial in best)]


def winner(trials: Sequence[Trial]) -> Trial:
    """The best of the last round."""
    longest = max(trial.steps for trial in trials)
    return max((trial for trial in trials if trial.steps == longest), key=lambda trial: trial.miou)


def _train(candidate: Candidate, data: Data, config: FitConfig, steps: int, deadline: float, update: Update) -> Trial:
    loop = short_loop(candidate, data, config, steps)
    run_short(loop, candidate.name, deadline, update)
    return Trial(candidate, steps, loop.state.best_miou)


def run_short(loop: Loop, name: str, deadline: float, update: Update) -> None:
    """Run a short training to its end; raises `OutOfTimeError` when `time.perf_counter()` passes `deadline`."""
    steps = loop.state.total_steps
    with tempfile.TemporaryDirectory(prefix="segue-plan-") as folder:
        loop.folder = Path(folder)

        def watch(state: State) -> None:
            if time.perf_counter() > deadline:
                raise OutOfTimeError
            update(state.progress, f"{name}: step {state.step} of {steps}")

        loop.on_step = watch
        run_loop(loop, StopRequest())
    _log.info("%s: mIoU %.3f after %d steps in %s", name, loop.state.best_miou, steps, duration(loop.state.seconds))


def short_loop(candidate: Candidate, data: Data, config: FitConfig, steps: int) -> Loop:
    """A short training of a candidate, at step 0."""
    return start(short_config(config, data, candidate, steps), some_validation(data), time.perf_counter()).loop
