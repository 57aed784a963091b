"""Training steps: on a batch that lies in memory, with its phases, and end to end with the loader beside them."""

from __future__ import annotations

import dataclasses
import time
from contextlib import closing
from typing import Any

import torch
from torch import Tensor, nn

from segue.data.loader import Batch, TrainingSet, batches
from segue.errors import TrainingStoppedError
from segue.speed.turns import Slice, in_parts, repeated
from segue.train.loop import Loop
from segue.train.range_test import AWAKE
from segue.train.start import time_validation
from segue.train.state import State
from segue.train.step import Engine, NonFiniteError, training_step

STEPS = 1_000_000  # of the run the measured steps belong to: none of them is its last
AT_ONCE = 2  # steps that are timed together at least: a single one says nothing of the loader's pace


class Trainer:
    """Does training steps that leave the weights where they are, so that they may be random and cannot grow apart.

    All steps are of the stage of a run at which everything trains that ever does; there they cost the most.
    """

    def __init__(self, loop: Loop) -> None:
        self.device = loop.engine.fabric.device
        self.batch = loop.engine.optim.batch
        self._engine, self._objective = loop.engine, loop.engine.objective
        self._watched: Engine = dataclasses.replace(loop.engine, objective=self._forward)
        self._state = State(STEPS, micro_batches=loop.engine.optim.micro_batches, step=STEPS // 2, progress=AWAKE)
        self._forwards, self._updating = 0.0, 0.0
        for group in loop.engine.optimizer.param_groups:
            group["peak"] = 0.0
        loop.engine.optimizer.register_step_pre_hook(self._before_update)

    def step(self, batch: Batch) -> None:
        """Do one step.

        Raises `TrainingStoppedError` when memory is too small for one image, or a loss is no number.
        """
        self._step(self._engine, batch)

    def phases(self, batch: Batch) -> dict[str, float]:
        """Do one step, and tell what an image of its batch took in it; clipping the gradient counts as backward."""
        self._forwards, self._updating = 0.0, 0.0
        began = self.now()
        self._step(self._watched, batch)
        ended = self.now()
        update = ended - self._updating if self._updating else 0.0  # fp16 leaves it out where gradients overflowed
        parts = {"step": ended - began, "forward": self._forwards, "update": update}
        parts["backward"] = parts["step"] - parts["forward"] - update
        return {name: seconds / self.batch for name, seconds in parts.items()}

    def now(self) -> float:
        """The time at which the device has done all it was told to."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()
        return time.perf_counter()

    def _step(self, engine: Engine, batch: Batch) -> None:
        try:
            training_step(engine, batch, self._state)
        except NonFiniteError as error:
            raise TrainingStoppedError(f"{error} with these options: try --train.precision fp32") from None

    def _forward(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        began = self.now()
        terms = self._objective(model, batch)
        self._forwards += self.now() - began
        return terms

    def _before_update(self, *_: Any) -> None:  # noqa: ANN401 - torch tells the optimiser and its arguments
        self._updating = time.perf_counter()  # the gradient's norm was just read from the device


def alone(trainer: Trainer, batch: Batch) -> Slice:
    """Steps on one batch that lies in memory, and the phases of a step."""
    return lambda seconds: in_parts(lambda: trainer.phases(batch), seconds)


def end_to_end(name: str, trainer: Trainer, data: TrainingSet, workers: int) -> Slice:
    """Steps as the loop does them, with `workers` threads that load ahead."""

    def take(seconds: float) -> dict[str, float]:
        stream = batches(data, trainer.batch, 0, workers, pinned=trainer.device.type == "cuda")

        def work() -> int:
            for _ in range(AT_ONCE):
                trainer.step(next(stream))
            return AT_ONCE * trainer.batch

        with closing(stream):  # type: ignore[type-var]  # a generator, typed as an iterator
            if workers:  # what they made before the first step does not count; then they get ahead as far as they do
                for _ in range(workers + 1):
                    next(stream)
                trainer.step(next(stream))
            return {name: repeated(work, seconds, trainer.now)}

    return take


def validation(loop: Loop) -> Slice:
    """The quick score of a few validation images while training."""
    return lambda _seconds: {"validation": time_validation(loop)}
