"""One training step: forward, backward, update, average; memory that runs out and losses that are not numbers."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from segue.configs import OptimConfig, TransferConfig
from segue.data.keyed import step_seed
from segue.data.loader import Batch
from segue.errors import TrainingStoppedError
from segue.models.build import SegmentationModel
from segue.objectives.supervised import Objective
from segue.train import ema
from segue.train.optim import set_rates
from segue.train.state import State
from segue.transfer.freeze import frozen_stages, train_all_but

_log = logging.getLogger("segue")


class NonFiniteError(Exception):
    """A loss or a gradient is not a finite number; carries what it was."""


@dataclass
class Engine:
    """Everything a step works on. `model` is the bare network, `wrapped` the same one as the fabric runs it."""

    fabric: Fabric
    model: SegmentationModel
    wrapped: nn.Module
    average: SegmentationModel
    optimizer: torch.optim.Optimizer
    objective: Objective
    optim: OptimConfig
    transfer: TransferConfig
    seed: int


def training_step(engine: Engine, batch: Batch, state: State) -> dict[str, float]:
    """Do step `state.step` and return its loss terms.

    When memory runs out, the batch is split into twice as many parts and the step is done again. Raises
    `NonFiniteError` before anything is updated when a loss or gradient is not finite, and `TrainingStoppedError` when a
    single image does not fit.
    """
    stages = engine.model.stages()
    train_all_but(engine.model, stages, frozen_stages(engine.transfer, state.progress, len(stages)))
    buffers = [buffer.clone() for buffer in engine.model.buffers()]
    while True:
        try:
            return _attempt(engine, batch, state)
        except NonFiniteError:
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
            if not _out_of_memory(error):
                raise
            _undo(engine, buffers)
        _split_further(state, len(batch.ids))


def _attempt(engine: Engine, batch: Batch, state: State) -> dict[str, float]:
    torch.manual_seed(step_seed(engine.seed, state.step))
    midpoint = state.progress + 0.5 * (1.0 - state.progress) / (state.total_steps - state.step)
    set_rates(engine.optimizer, midpoint, engine.optim, engine.transfer)
    engine.optimizer.zero_grad(set_to_none=True)
    sums: dict[str, float] = {}
    for part in _parts(batch, state.micro_batches):
        share = len(part.ids) / len(batch.ids)
        terms = engine.objective(engine.wrapped, _to_device(part, engine.fabric))
        loss = torch.stack(list(terms.values())).sum()
        for name, value in terms.items():
            sums[name] = sums.get(name, 0.0) + share * float(value.detach())
        if not bool(torch.isfinite(loss)):
            raise NonFiniteError(f"the loss is {float(loss.detach())}")
        engine.fabric.backward(loss * share)
    _update(engine, state)
    return sums


def _update(engine: Engine, state: State) -> None:
    parameters = [p for p in engine.model.parameters() if p.grad is not None]
    norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    if not bool(torch.isfinite(norm)):
        raise NonFiniteError(f"the gradient's norm is {float(norm.detach())}")
    if engine.optim.clip_norm > 0:
        torch.nn.utils.clip_grads_with_norm_(parameters, engine.optim.clip_norm, norm)
    engine.optimizer.step()
    ema.update(engine.average, engine.model, ema.decay_at(state.step, state.total_steps, engine.optim.ema))


def _parts(batch: Batch, count: int) -> list[Batch]:
    images, labels = batch.images.tensor_split(count), batch.labels.tensor_split(count)
    parts, start = [], 0
    for image, label in zip(images, labels, strict=True):
        if len(image):
            parts.append(Batch(image, label, batch.ids[start : start + len(image)]))
        start += len(image)
    return parts


def _to_device(batch: Batch, fabric: Fabric) -> Batch:
    images: Tensor = batch.images.to(fabric.device, memory_format=torch.channels_last)
    return Batch(images, batch.labels.to(fabric.device), batch.ids)


def _undo(engine: Engine, buffers: list[Tensor]) -> None:
    engine.optimizer.zero_grad(set_to_none=True)
    with torch.no_grad():
        for buffer, old in zip(engine.model.buffers(), buffers, strict=True):
            buffer.copy_(old)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _out_of_memory(error: RuntimeError) -> bool:
    # the CPU allocator has no exception class of its own
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _split_further(state: State, images: int) -> None:
    if state.micro_batches >= images:
        raise TrainingStoppedError(
            f"out of memory at step {state.step} with a single image: use a smaller --data.size or --model.encoder"
        )
    state.micro_batches = min(2 * state.micro_batches, images)
    _log.warning(
        "out of memory at step %d: the batch of %d is now computed in %d parts (same effective batch)",
        state.step,
        images,
        state.micro_batches,
    )
