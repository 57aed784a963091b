"""The step loop: one global step is the position; validate, save, step, until nothing is left to do.

Everything random is keyed to that position, so stopping anywhere and resuming gives the bytes of an uninterrupted run
(same torch build, device kind and thread count).
"""

from __future__ import annotations

import logging
import shlex
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from segue.configs import TrainConfig
from segue.data.loader import Batch, TrainingSet, batches
from segue.errors import InterruptedRunError, RunError, TrainingStoppedError
from segue.metrics.confusion import Scores
from segue.train.budget import Budget
from segue.train.checkpoint import Checkpoint, best_path, save_checkpoint, save_tensors
from segue.train.ema import tensors_of
from segue.train.optim import head_rate, restore_state, state_tensors
from segue.train.processes import LostProcessError
from segue.train.scaling import restore_scaler, scaler_tensors
from segue.train.sharding import gather, gathered, on_host, put
from segue.train.signals import StopRequest
from segue.train.state import Row, State, state_from_dict
from segue.train.step import Engine, NonFiniteError, training_step
from segue.train.validate import Validator

_log = logging.getLogger("segue")


def _ignore(_state: State) -> None:
    """Watch nothing."""


@dataclass
class Loop:
    """A run in progress. `on_step` and `on_validation` are told the state after each; they may not change it."""

    engine: Engine
    data: TrainingSet
    validator: Validator
    state: State
    folder: Path
    train: TrainConfig
    workers: int
    budget: Budget | None = None
    on_step: Callable[[State], None] = _ignore
    on_validation: Callable[[State], None] = _ignore
    _mark: tuple[float, int] = field(default=(0.0, 0))  # wall clock and step of the last validation's end


def run_loop(loop: Loop, stop: StopRequest) -> None:
    """Train until the steps are done or validation stops improving.

    Raises `InterruptedRunError` after saving when `stop` was requested, and `TrainingStoppedError` when a loss is not
    finite or memory is too small.
    """
    started = time.perf_counter() - loop.state.seconds
    loop._mark = (loop.state.seconds, loop.state.step)
    engine = loop.engine
    pinned = engine.fabric.device.type == "cuda"
    stream = batches(loop.data, engine.optim.batch, loop.state.step, loop.workers, engine.group.part, pinned)
    with closing(stream):  # type: ignore[type-var]  # a generator, typed as an iterator
        try:
            _run(loop, stream, stop, started)
        except TrainingStoppedError as error:
            if engine.parts is None or not isinstance(error, LostProcessError):  # parts are lost with their process
                save(loop)
            raise


def _run(loop: Loop, stream: Iterator[Batch], stop: StopRequest, started: float) -> None:
    while True:
        loop.state.seconds = time.perf_counter() - started
        if _validation_due(loop):
            _validate(loop, stop, started)
            save(loop)
        if loop.state.finished:
            return
        _leave_if_asked(loop, stop)
        _step(loop, stream)
        loop.on_step(loop.state)
        every = loop.train.checkpoint_every
        if every and loop.state.step % every == 0 and not _validation_due(loop):
            save(loop)


def _step(loop: Loop, stream: Iterator[Batch]) -> None:
    state = loop.state
    batch = next(stream)
    try:
        losses = training_step(loop.engine, batch, state)
    except NonFiniteError as error:
        ids = loop.data.batch(state.step, loop.engine.optim.batch).ids  # those of all processes
        raise TrainingStoppedError(
            f"{error} at step {state.step} on the images {', '.join(ids)}: the state before this step is saved "
            f"in {loop.folder}; look at these images and masks (segue doctor), or lower --optim.lr"
        ) from None
    for name, value in losses.items():
        state.loss_sums[name] = state.loss_sums.get(name, 0.0) + value
    state.loss_count += 1
    state.lr = head_rate(loop.engine.optimizer)
    state.advance()


def _validation_due(loop: Loop) -> bool:
    state = loop.state
    if state.validated == state.step:
        return False
    # the share is a sum of floats: one part in a billion makes the comparison safe
    return state.finished or state.progress * state.validating.times + 1e-9 >= len(state.history) + 1


def _validate(loop: Loop, stop: StopRequest, started: float) -> None:
    began = time.perf_counter()
    state, engine = loop.state, loop.engine
    with gathered(engine.average, engine.parts, engine.fabric.device):
        scores = loop.validator(engine.average, stop)
        if scores is not None and scores.miou > state.best_miou:
            state.best_miou, state.best_step = scores.miou, state.step
            _save_best(loop)
    if scores is None:
        _leave_if_asked(loop, stop)
        return
    state.history.append(_row(loop, scores))
    state.loss_sums, state.loss_count = {}, 0
    state.validated = state.step
    state.stopped_early = _hopeless(state, loop.train)
    state.seconds = time.perf_counter() - started
    _revise_budget(loop, time.perf_counter() - began)
    loop._mark = (state.seconds, state.step)
    loop.on_validation(state)


def _save_best(loop: Loop) -> None:
    if loop.engine.group.first:
        loop.folder.mkdir(parents=True, exist_ok=True)
        path = best_path(loop.folder, loop.state.step)
        save_tensors(path, loop.engine.average.state_dict(), {"step": loop.state.step})


def _row(loop: Loop, scores: Scores) -> Row:
    state = loop.state
    return Row(
        step=state.step,
        images=state.step * loop.engine.optim.batch,
        lr=state.lr,
        losses={name: total / state.loss_count for name, total in state.loss_sums.items()},
        miou=scores.miou,
        pixel_accuracy=scores.pixel_accuracy,
        class_iou={
            name: None if iou != iou else float(iou)  # NaN, for a class that does not occur, is not JSON
            for name, iou in zip(loop.validator.classes.names, scores.class_iou, strict=True)
        },
    )


def _hopeless(state: State, train: TrainConfig) -> bool:
    if train.patience >= 1 or state.progress < train.stop_warmup:
        return False
    since_best = (state.step - state.best_step) / state.total_steps
    if since_best < train.patience or state.step >= state.total_steps:
        return False
    _log.info("validation has not improved since step %d: stopping at step %d", state.best_step, state.step)
    return True


def _revise_budget(loop: Loop, validation_seconds: float) -> None:
    state = loop.state
    if loop.budget is None or state.finished:
        return
    seconds, step = loop._mark
    step_seconds = (state.seconds - validation_seconds - seconds) / max(1, state.step - step)
    left = max(0, state.validating.times - len(state.history))
    loop.budget.revise(state, step_seconds, validation_seconds, left)
    state.total_steps = loop.engine.group.from_first(state.total_steps)  # one clock decides for all processes


def _leave_if_asked(loop: Loop, stop: StopRequest) -> None:
    number = int(loop.engine.group.most(stop.signal_number or 0))  # a signal may reach one process before the others
    if number == 0:
        return
    save(loop)
    name = signal.Signals(number).name
    raise InterruptedRunError(
        f"stopped by {name} at step {loop.state.step} of {loop.state.total_steps}, state saved: "
        f"continue with segue fit --resume {shlex.quote(str(loop.folder.parent))}",
        number,
    )


def save(loop: Loop) -> None:
    """Write a resume point for the current state, which is the same in all processes that train together."""
    engine = loop.engine
    if not engine.group.first and engine.parts is None:
        return
    tensors: dict[str, Tensor] = {f"model.{name}": tensor for name, tensor in engine.model.state_dict().items()}
    tensors |= {f"optim.{name}": tensor for name, tensor in state_tensors(engine.optimizer).items()}
    tensors |= {f"kept.{name}": tensor for name, tensor in engine.kept.items()}
    tensors |= {f"scaler.{name}": tensor for name, tensor in scaler_tensors(engine.scaler).items()}
    if engine.parts is not None:
        tensors = on_host(tensors, engine.group.first)
    gather(engine.average, engine.parts)
    tensors |= {f"average.{name}": tensor for name, tensor in engine.average.state_dict().items()}
    if engine.group.first:
        state = loop.state
        save_checkpoint(loop.folder, state.step, state.best_step, tensors, state.to_dict())


def restore(engine: Engine, checkpoint: Checkpoint) -> State:
    """Put a resume point's tensors into `engine` and return its state."""
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "average": {}, "optim": {}, "kept": {}, "scaler": {}}
    for name, tensor in checkpoint.tensors.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = tensor
    try:
        engine.average.load_state_dict(parts["average"])
        if engine.parts is None:
            engine.model.load_state_dict(parts["model"])
    except RuntimeError as error:
        first = str(error).splitlines()[0]
        raise RunError(f"{checkpoint.path}: does not fit the network of this run's config.yaml: {first}") from None
    if engine.parts is not None:
        for piece, tensor in zip(engine.parts, tensors_of(engine.average), strict=True):
            put(piece, tensor)
        for key, target in engine.model.state_dict().items():
            put(target, parts["model"][key])
    restore_state(engine.optimizer, parts["optim"])
    restore_scaler(engine.scaler, parts["scaler"])
    # tensors kept from the start are in parts where their parameters are, like those a new run begins with
    for name, tensor in parts["kept"].items():
        mine = engine.kept.get(name)
        if mine is None:
            mine = engine.kept[name] = torch.empty_like(tensor, device=next(engine.average.parameters()).device)
        put(mine, tensor)
    return state_from_dict(checkpoint.state)
