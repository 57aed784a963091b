"""The step loop of style networks: one global step is the position; step, record, save, until nothing is left to do.

The rules are those of `segue.train.loop`: everything random is keyed to the position, so that stopping anywhere and
going on gives the bytes of an uninterrupted run (same torch build and thread count, on a CPU; CUDA adds some gradients
up in an order of its own). What is minimised is an argument: `objective(model, batch)` gives named terms, which are
added up and logged.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from segue.configs import OptimConfig
from segue.data.keyed import step_seed
from segue.errors import InterruptedRunError, RunError, TrainingStoppedError
from segue.objectives.style.batch import StyleBatch, StyleObjective
from segue.style.network import StyleNetwork
from segue.train import ema
from segue.train.checkpoint import Checkpoint, save_checkpoint
from segue.train.optim import restore_state, set_rates, state_tensors
from segue.train.signals import StopRequest
from segue.train.step import out_of_memory
from segue.train.style_data import StyleSet

RECORDS = 20  # times that a run writes down where it stands
WORTH_SAYING = 0.2  # share by which the number of steps has to change for a line in the log
RESERVE = 2.0  # seconds of a budget kept for writing the model
_log = logging.getLogger("segue")


@dataclass
class StyleRow:
    """One record: steps and crops so far, the learning rate, and the means of the terms since the last record."""

    step: int
    images: int
    lr: float
    losses: dict[str, float]


@dataclass
class StyleState:
    """The position of a run and its record so far.

    `progress` (0 to 1) drives the schedule and is `step / total_steps` unless a budget changed `total_steps` on the
    way. `seconds` is the wall clock over all sittings, which alone may differ between a resumed run and one that was
    never interrupted.
    """

    total_steps: int
    step: int = 0
    progress: float = 0.0
    recorded: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    count: int = 0
    history: list[StyleRow] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def finished(self) -> bool:
        """Whether no step is left to do."""
        return self.step >= self.total_steps

    @property
    def record_due(self) -> bool:
        """Whether it is time to write down where the run stands."""
        # the share is a sum of floats: one part in a billion makes the comparison safe
        due = self.finished or self.progress * RECORDS + 1e-9 >= len(self.history) + 1
        return due and self.recorded < self.step

    def advance(self) -> None:
        """Count one step as done; the rest of the progress is spread evenly over the steps that are left."""
        self.progress += (1.0 - self.progress) / (self.total_steps - self.step)
        self.step += 1

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; floats survive the round trip bit by bit."""
        return dataclasses.asdict(self)


def style_state(values: dict[str, Any]) -> StyleState:
    """The inverse of `StyleState.to_dict`."""
    return StyleState(**{**values, "history": [StyleRow(**row) for row in values["history"]]})


def _ignore(_: StyleState) -> None:
    """Watch nothing."""


@dataclass
class StyleLoop:
    """A run in progress. `average` are the averaged weights, which become the model; `again` is how it is gone on with.

    `on_step` and `on_record` are told the state; they may not change it. `budget` is a number of seconds for the whole.
    """

    model: StyleNetwork
    average: StyleNetwork
    optimizer: torch.optim.Optimizer
    objective: StyleObjective
    data: StyleSet
    optim: OptimConfig
    state: StyleState
    folder: Path
    seed: int
    device: torch.device
    checkpoint_every: int | None = None
    budget: float | None = None
    again: str = "segue style train --resume RUN"
    on_step: Callable[[StyleState], None] = _ignore
    on_record: Callable[[StyleState], None] = _ignore
    _mark: tuple[float, int] = (0.0, 0)  # wall clock and step where the last record began


def run_style_loop(loop: StyleLoop, stop: StopRequest) -> None:
    """Train until the steps are done.

    Raises `InterruptedRunError` after saving when `stop` was requested, and `TrainingStoppedError` when a loss or a
    gradient is not finite or memory is too small; the state before that step is saved.
    """
    state, started = loop.state, time.perf_counter() - loop.state.seconds
    loop._mark = (state.seconds, state.step)
    with closing(loop.data.stream(state.step)) as stream:  # type: ignore[type-var]  # a generator, typed as an iterator
        while True:
            if state.record_due:
                _record(loop)
                _revise(loop)
            if state.finished:
                return
            _leave_if_asked(loop, stop)
            try:
                _step(loop, stream)
            except TrainingStoppedError:
                save(loop)
                raise
            state.seconds = time.perf_counter() - started
            loop.on_step(state)
            if loop.checkpoint_every and state.step % loop.checkpoint_every == 0 and not state.record_due:
                save(loop)


def _step(loop: StyleLoop, stream: Iterator[StyleBatch]) -> None:
    state, batch = loop.state, next(stream).on(loop.device)
    try:
        terms = training_step(loop, batch)
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        raise TrainingStoppedError(
            f"out of memory at step {state.step}: use a smaller --batch or --size; the state before it is saved"
        ) from None
    for name, value in terms.items():
        state.sums[name] = state.sums.get(name, 0.0) + value
    state.count += 1
    state.advance()


def training_step(loop: StyleLoop, batch: StyleBatch) -> dict[str, float]:
    """Do the step where the state stands, and give its terms; raises `TrainingStoppedError` before anything moved."""
    state, model = loop.state, loop.model
    torch.manual_seed(step_seed(loop.seed, state.step))
    midpoint = state.progress + 0.5 * (1.0 - state.progress) / (state.total_steps - state.step)
    set_rates(loop.optimizer, midpoint, loop.optim)
    loop.optimizer.zero_grad(set_to_none=True)
    terms = loop.objective(model, batch)
    loss = torch.stack(list(terms.values())).sum()
    # read together: each look at an accelerator's number waits for all it has been told to do
    *values, whole = torch.stack([*terms.values(), loss]).tolist()
    _require_finite(whole, "loss", state.step)
    loss.backward()  # type: ignore[no-untyped-call]
    parameters = [one for one in model.parameters() if one.grad is not None]
    norm = torch.nn.utils.get_total_norm([one.grad for one in parameters if one.grad is not None])
    _require_finite(float(norm), "gradient's norm", state.step)
    if loop.optim.clip_norm > 0:
        torch.nn.utils.clip_grads_with_norm_(parameters, loop.optim.clip_norm, norm)
    loop.optimizer.step()
    decay = ema.decay_at(state.step, state.total_steps, loop.optim.ema)
    ema.update(ema.tensors_of(loop.average), ema.tensors_of(model), decay)
    return dict(zip(terms, values, strict=True))


def _require_finite(value: float, what: str, step: int) -> None:
    if not math.isfinite(value):
        raise TrainingStoppedError(
            f"expected finite numbers, got {value} as the {what} at step {step}: the state before this step is saved; "
            "lower --lr or --style-weight"
        )


def _record(loop: StyleLoop) -> None:
    state = loop.state
    lr = float(loop.optimizer.param_groups[0]["lr"])
    losses = {name: total / max(1, state.count) for name, total in state.sums.items()}
    state.history.append(StyleRow(state.step, state.step * loop.data.batch, lr, losses))
    state.sums, state.count, state.recorded = {}, 0, state.step
    loop.on_record(state)
    save(loop)


def _revise(loop: StyleLoop) -> None:
    """Fit the number of steps to the time that is left; the clock holds what was spent on records, too."""
    state = loop.state
    if loop.budget is None or state.finished:
        return
    seconds, step = loop._mark
    left = loop.budget - RESERVE - state.seconds
    total = state.step + int(max(0.0, left) * (state.step - step) / (state.seconds - seconds))
    loop._mark = (state.seconds, state.step)
    if abs(total - state.total_steps) > WORTH_SAYING * state.total_steps:
        _log.info("the time that is left allows %d steps in all (was %d)", total, state.total_steps)
    state.total_steps = total


def _leave_if_asked(loop: StyleLoop, stop: StopRequest) -> None:
    if stop.signal_number is None:
        return
    save(loop)
    name = signal.Signals(stop.signal_number).name
    raise InterruptedRunError(
        f"stopped by {name} at step {loop.state.step} of {loop.state.total_steps}, state saved: continue with "
        f"{loop.again}",
        stop.signal_number,
    )


def save(loop: StyleLoop) -> None:
    """Write a resume point for the current state."""
    tensors: dict[str, Tensor] = {f"model.{name}": tensor for name, tensor in loop.model.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in loop.average.state_dict().items()}
    tensors |= {f"optim.{name}": tensor for name, tensor in state_tensors(loop.optimizer).items()}
    save_checkpoint(loop.folder, loop.state.step, 0, tensors, loop.state.to_dict())


def restore(loop: StyleLoop, checkpoint: Checkpoint) -> None:
    """Put a loop where a resume point was written."""
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "average": {}, "optim": {}}
    for name, tensor in checkpoint.tensors.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = tensor
    try:
        loop.model.load_state_dict(parts["model"])
        loop.average.load_state_dict(parts["average"])
    except RuntimeError as error:
        first = str(error).splitlines()[0]
        raise RunError(f"{checkpoint.path}: does not fit the network of this run's config.yaml: {first}") from None
    restore_state(loop.optimizer, parts["optim"])
    loop.state = style_state(checkpoint.state)
