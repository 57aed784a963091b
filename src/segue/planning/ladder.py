"""How much of the pretrained network is trained: the decoder alone, or all of it, whichever segments better here.

Both rungs are trained briefly, alike but for the mode, and scored on the same validation images. The step up costs
about twice the time for each training step, and is taken unless the lower rung wins by more than noise: with short
trainings, what moves less learns faster, so a tie speaks for the higher one (`benchmarks/canon.md` has the curve; the
rule of thumb that few images call for a frozen encoder does not hold there).
"""

from __future__ import annotations

import dataclasses
import logging
import time

import numpy as np

from segue.configs import FitConfig, TransferConfig
from segue.console import duration
from segue.data.parallel import Update
from segue.data.prepare import Data
from segue.errors import SegueError
from segue.infer.counts import Counts
from segue.planning.candidates import Candidate
from segue.planning.decision import Decision
from segue.planning.halving import OutOfTimeError, run_short, short_loop
from segue.train.signals import StopRequest
from segue.train.start import time_steps, time_validation
from segue.trust.compare import Comparison, compare

LOWER, UPPER = "frozen", "staged"
FEWEST_STEPS = 120  # of each rung: in fewer, an encoder that moves cannot pay for what moving it costs at first
# two lengths only: one that followed the time to the step would let a close choice depend on what else runs
STEPS = (250, FEWEST_STEPS)
DEFAULT = TransferConfig().mode
_log = logging.getLogger("segue")


def transfer_mode(candidate: Candidate, data: Data, config: FitConfig, deadline: float, update: Update) -> Decision:
    """The transfer mode for a pretrained source, by short trainings until `time.perf_counter()` is `deadline`."""
    inputs = {"train_images": len(data.of("train"))}
    try:
        steps, seconds = _affordable(candidate, data, config, deadline)
        if not steps:
            minutes = max(1, round((seconds + time.perf_counter() - deadline) / 60 + 0.5))
            return Decision(DEFAULT, f"the default: to compare it with {LOWER}, allow {minutes} minutes more", inputs)
        _log.info("%s or %s: %d steps of each decide, about %s", LOWER, UPPER, steps, duration(seconds))
        lower, upper = (_train(mode, candidate, data, config, steps, deadline, update) for mode in (LOWER, UPPER))
    except OutOfTimeError:
        return Decision(DEFAULT, f"the default: there was no time to compare it with {LOWER}", inputs)
    except SegueError as error:
        return Decision(DEFAULT, f"the default: the comparison with {LOWER} ended early ({error})", inputs)
    return decided(compare(lower, upper, seed=config.seed), steps, inputs)


def decided(comparison: Comparison, steps: int, inputs: dict[str, int]) -> Decision:
    """The lower rung only where it is better by more than the images leave open."""
    mode = LOWER if comparison.answer == "first" else UPPER
    words = {"first": "worse by more than noise, so it stays out", "second": "better by more than noise"}
    verdict = words.get(comparison.answer, "no different by more than noise, and gains more in a longer training")
    rule = f"after {steps} steps of each, training the encoder too ({UPPER}) is {verdict} ({LOWER}: decoder alone)"
    low, high = comparison.miou.interval.low, comparison.miou.interval.high
    figures = {
        f"miou_{LOWER}": round(comparison.miou.first, 4),
        f"miou_{UPPER}": round(comparison.miou.second, 4),
        "difference_95": [round(low, 4), round(high, 4)],
        "val_images": comparison.images,
    }
    return Decision(mode, rule, {**inputs, **figures})


def _affordable(candidate: Candidate, data: Data, config: FitConfig, deadline: float) -> tuple[int, float]:
    """Steps of each rung, none where there is no room, and the seconds of both."""
    per_step, fixed = 0.0, 0.0
    for mode in (LOWER, UPPER):
        if time.perf_counter() > deadline:
            raise OutOfTimeError
        loop = short_loop(candidate, data, _in_mode(config, mode), FEWEST_STEPS)
        per_step += time_steps(loop)
        fixed += 2 * len(loop.validator.samples) * time_validation(loop)  # once by the loop, once for the counts
    room = deadline - time.perf_counter()
    steps = next((steps for steps in STEPS if fixed + steps * per_step <= room), 0)
    return steps, fixed + (steps or FEWEST_STEPS) * per_step


def _train(
    mode: str, candidate: Candidate, data: Data, config: FitConfig, steps: int, deadline: float, update: Update
) -> Counts:
    """What a short training in a mode makes of the validation images."""
    loop = short_loop(candidate, data, _in_mode(config, mode), steps)
    run_short(loop, mode, deadline, update)
    matrices = loop.validator.matrices(loop.engine.average, StopRequest())
    assert matrices is not None, "nobody asked it to stop"
    samples = loop.validator.samples
    return Counts(
        tuple(sample.id for sample in samples),
        tuple(sample.group or sample.id for sample in samples),
        data.classes.names,
        np.stack(matrices),
    )


def _in_mode(config: FitConfig, mode: str) -> FitConfig:
    return dataclasses.replace(config, transfer=dataclasses.replace(config.transfer, mode=mode))
