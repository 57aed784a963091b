"""One training step: forward, backward, update, average; memory that runs out and losses that are not numbers."""

from __future__ import annotations

import contextlib
import logging
import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from segue.configs import OptimConfig, TransferConfig
from segue.data.keyed import step_seed
from segue.data.loader import Batch
from segue.errors import SegueError, TrainingStoppedError
from segue.models.build import SegmentationModel
from segue.objectives.supervised import Objective
from segue.train import ema
from segue.train.batch_norm import WholeBatchNorm
from segue.train.fabric import Fabric
from segue.train.optim import set_rates
from segue.train.optimizers import DECOUPLED
from segue.train.processes import ALONE, Group, noticing
from segue.train.sharding import gather, own, whole
from segue.train.state import State
from segue.transfer.freeze import train_awake
from segue.transfer.l2sp import pull_to_start
from segue.transfer.modes import stage_starts

HEAD_PHASE = "head_phase."  # prefix of the averaged weights at the end of the head phase among the kept tensors
SMALLEST_SCALE = 1.0  # of the loss in fp16: below it, gradients do not overflow, they are not finite
_log = logging.getLogger("segue")


class NonFiniteError(Exception):
    """A loss or a gradient is not a finite number; carries what it was."""


@dataclass
class Engine:
    """Everything a step works on. `model` is the bare network, `wrapped` the same one as the fabric runs it.

    `kept` holds tensors that a transfer method has to remember; they are saved with every resume point. `scaler` keeps
    small gradients from vanishing in fp16; it is the one the fabric multiplies the loss with. `group` are the processes
    that share every batch, to whose losses `objective` adds, and `rehearsed` what this one has gone through apart from
    them. Where the weights are sharded, `parts` are this process's of the averaged ones, and `average` is up to date
    only after a `gather`.
    """

    fabric: Fabric
    model: SegmentationModel
    wrapped: nn.Module
    average: SegmentationModel
    optimizer: torch.optim.Optimizer
    objective: Objective
    optim: OptimConfig
    transfer: TransferConfig
    seed: int
    kept: dict[str, Tensor] = field(default_factory=dict)
    scaler: torch.amp.GradScaler | None = None
    group: Group = ALONE
    rehearsed: tuple[int, ...] = ()
    parts: list[Tensor] | None = None


def training_step(engine: Engine, batch: Batch, state: State) -> dict[str, float]:
    """Do step `state.step` and return its loss terms; `batch` is this process's part of the step's images.

    When memory runs out, the batch is split into twice as many parts and the step is done again. Raises
    `NonFiniteError` before anything is updated when a loss or gradient is not finite, and `TrainingStoppedError` when a
    single image does not fit.
    """
    _keep_head_phase(engine, state)
    stages = engine.model.stages()
    train_awake(engine.model, stages, stage_starts(engine.transfer, len(stages)), state.progress)
    buffers = [buffer.clone() for buffer in engine.model.buffers()]
    if engine.group.size > 1 and engine.parts is None:  # sharded weights are gathered by all in the middle of a step
        _rehearse(engine, batch, state, buffers)
    while True:
        try:
            terms, updated = _attempt(engine, batch, state)
            if not updated:
                _undo(engine, buffers)
            return terms
        except (NonFiniteError, TrainingStoppedError):
            _undo(engine, buffers)
            raise
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            raise TrainingStoppedError(
                "BatchNorm needs more than one value per channel, a single crop this small gives one: "
                "use a larger --data.size or --optim.batch"
            ) from None
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            _undo(engine, buffers)
            if engine.group.size > 1:
                raise _ran_out_alone(engine, state) from None
        _split_further(state, len(batch.ids), engine.group)


def _rehearse(engine: Engine, batch: Batch, state: State, buffers: list[Tensor]) -> None:
    """Find out whether the step fits into memory, before processes wait for each other in the middle of it.

    Whenever a step may need more than those before it: at the first, at the second, which has the optimiser's moments
    beside it, when a stage of the encoder awakes and when a run goes on. All split the batch as the tightest must.
    """
    while True:
        awake = sum(parameter.requires_grad for parameter in engine.model.parameters())
        needs = (awake, len(engine.optimizer.state), state.micro_batches)
        if needs == engine.rehearsed:
            return
        ran_out = False
        try:
            with engine.group.apart():
                _gradients(engine, batch, state)
        except RuntimeError as error:
            ran_out = out_of_memory(error)
            if not ran_out:
                raise
        except (NonFiniteError, ValueError):
            pass  # the step itself will say so, of all images
        _undo(engine, buffers)
        if engine.group.most(ran_out):
            _split_further(state, len(batch.ids), engine.group)
        else:
            engine.rehearsed = needs


def _ran_out_alone(engine: Engine, state: State) -> SegueError:
    if engine.parts is not None:
        return SegueError(
            f"process {engine.group.rank} ran out of memory at step {state.step}: compute the batch in parts "
            "(--optim.micro-batches), or use more processes or a smaller --data.size"
        )
    return SegueError(
        f"process {engine.group.rank} ran out of memory at step {state.step}, which it had not before: go on from the "
        "last resume point with segue fit --resume RUN when nothing else uses this memory, or use a smaller "
        "--optim.batch or --data.size"
    )


def _keep_head_phase(engine: Engine, state: State) -> None:
    """Remember the averaged weights at the end of the head phase: interpolation begins there."""
    due = engine.transfer.interpolate != "none" and state.progress >= engine.transfer.head_fraction
    if due and not any(name.startswith(HEAD_PHASE) for name in engine.kept):
        gather(engine.average, engine.parts)
        weights = engine.average.state_dict().items()
        engine.kept = {**engine.kept, **{HEAD_PHASE + name: tensor.clone() for name, tensor in weights}}


def _attempt(engine: Engine, batch: Batch, state: State) -> tuple[dict[str, float], bool]:
    """The loss terms, and whether the weights were updated."""
    midpoint = state.progress + 0.5 * (1.0 - state.progress) / (state.total_steps - state.step)
    set_rates(engine.optimizer, midpoint, engine.optim, [row.miou for row in state.history])
    engine.optimizer.zero_grad(set_to_none=True)
    with noticing(elsewhere=True):  # by the gathering of sharded weights
        terms = _gradients(engine, batch, state)
    if engine.parts is None:  # of sharded weights the backward pass has added them up
        engine.group.add_in_place(p.grad for p in engine.model.parameters() if p.grad is not None)
    return terms, _update(engine, state)


def _gradients(engine: Engine, batch: Batch, state: State) -> dict[str, float]:
    """The loss terms of the whole batch, and what this process's images add to their gradient."""
    torch.manual_seed(step_seed(engine.seed, state.step, engine.group.rank))
    sums: dict[str, float] = {}
    for part in _parts(batch, state.micro_batches):
        share = len(part.ids) / len(batch.ids)
        with WholeBatchNorm(engine.group) if engine.group.size > 1 else contextlib.nullcontext():
            terms = engine.objective(engine.wrapped, _to_device(part, engine.fabric))
        loss = torch.stack(list(terms.values())).sum()
        # read together: each look at an accelerator's number waits for all it has been told to do
        *values, whole = torch.stack([*terms.values(), loss]).tolist()
        for name, value in zip(terms, values, strict=True):
            sums[name] = sums.get(name, 0.0) + share * value
        if not math.isfinite(whole):
            advice = " (fp16 overflows past 65504: try --train.precision bf16)" if engine.scaler else ""
            raise NonFiniteError(f"the loss is {whole}{advice}")
        engine.fabric.backward(loss * share)
    return sums


def _update(engine: Engine, state: State) -> bool:
    """Do the optimiser's step; False when fp16 overflowed in the backward pass, which costs this step and no more."""
    parameters = [p for p in engine.model.parameters() if p.grad is not None]
    if engine.scaler is not None:
        engine.scaler.unscale_(engine.optimizer)
    norm = whole(torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None]))
    finite = bool(torch.isfinite(norm))
    if not finite and (engine.scaler is None or engine.scaler.get_scale() < SMALLEST_SCALE):
        raise NonFiniteError(f"the gradient's norm is {float(norm.detach())}")
    if finite:
        if engine.optim.clip_norm > 0:
            torch.nn.utils.clip_grads_with_norm_(parameters, engine.optim.clip_norm, norm)
        pull_to_start(engine.optimizer, engine.kept, decoupled=engine.optim.optimizer in DECOUPLED)
        engine.optimizer.step()
        averaged = engine.parts or ema.tensors_of(engine.average)
        decay = ema.decay_at(state.step, state.total_steps, engine.optim.ema)
        ema.update([own(a) for a in averaged], [own(t) for t in ema.tensors_of(engine.model)], decay)
    if engine.scaler is not None:
        engine.scaler.update()
    return finite


def _parts(batch: Batch, count: int) -> list[Batch]:
    images, labels = batch.images.tensor_split(count), batch.labels.tensor_split(count)
    parts, start = [], 0
    for image, label in zip(images, labels, strict=True):
        if len(image):
            parts.append(Batch(image, label, batch.ids[start : start + len(image)]))
        start += len(image)
    return parts


def _to_device(batch: Batch, fabric: Fabric) -> Batch:
    # the host need not wait for a copy out of pinned memory (`batches`); all others are done before it goes on
    images: Tensor = batch.images.to(fabric.device, memory_format=torch.channels_last, non_blocking=True)
    return Batch(images, batch.labels.to(fabric.device, non_blocking=True), batch.ids)


def _undo(engine: Engine, buffers: list[Tensor]) -> None:
    engine.optimizer.zero_grad(set_to_none=True)
    with torch.no_grad():
        for buffer, old in zip(engine.model.buffers(), buffers, strict=True):
            buffer.copy_(old)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def out_of_memory(error: RuntimeError) -> bool:
    """Whether that is what went wrong, on any device."""
    # the CPU allocator has no exception class of its own
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _split_further(state: State, images: int, group: Group) -> None:
    if state.micro_batches >= images:
        raise TrainingStoppedError(
            f"out of memory at step {state.step} with a single image: use a smaller --data.size or --model.encoder"
        )
    state.micro_batches = min(2 * state.micro_batches, images)
    _log.warning(
        "out of memory at step %d: the batch of %d is now computed in %d parts (same effective batch)",
        state.step,
        images * group.size,
        state.micro_batches,
    )
