"""From a resolved configuration and its data to a loop that can run: at step 0, or where a run stopped."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from segue.configs import FitConfig, ModelConfig
from segue.data.augment.style import described
from segue.data.census import spread
from segue.data.loader import CACHE_BYTES, TrainingSet
from segue.data.prepare import Data
from segue.durable import write_text
from segue.losses import parse_loss
from segue.models.build import ModelSpec, SegmentationModel, build
from segue.models.source import Source
from segue.models.sources.choice import network_of
from segue.models.weights import load_pretrained
from segue.objectives.supervised import supervised
from segue.records import read_record
from segue.style.own_painter import painter_for
from segue.train.budget import Budget
from segue.train.checkpoint import Checkpoint, load_newest, read_manifest
from segue.train.class_weights import class_weights, describe
from segue.train.ema import tensors_of
from segue.train.float32_islands import keep_depthwise_strides_in_float32
from segue.train.heap import keep_freed_memory
from segue.train.loop import Loop, restore
from segue.train.machine import differences, environment, make_fabric, make_scaler
from segue.train.optim import make_optimizer
from segue.train.processes import ALONE, Group
from segue.train.resolve import preprocessing
from segue.train.run_folder import CHECKPOINTS, ENVIRONMENT, LOADED
from segue.train.scaling import restore_scaler, scaler_tensors
from segue.train.sharding import gathered, require_divisible, shard
from segue.train.signals import StopRequest
from segue.train.state import State
from segue.train.step import Engine, training_step
from segue.train.validate import Validator
from segue.train.validation_share import MOST_IMAGES, Validating, by_seconds, by_steps
from segue.transfer.l2sp import starting_point
from segue.transfer.lora import add_lora, added_parameters, target_layers
from segue.transfer.lr_groups import lr_groups
from segue.transfer.modes import stage_starts

NETWORK = "network"  # in weights.json: what a network taken over whole is built from; a run needs its source once
SCRATCH = Source(name="none (random initialisation)", licence="not applicable")
TIMING = 0.05  # of the budget: steps are timed for no longer, two aside
LOOKING = 0.03  # of the budget: what segue.commands.remember takes is a share of the steps
_log = logging.getLogger("segue")


@dataclass(frozen=True)
class Started:
    """A loop at step 0, and the records of it that the run folder will hold."""

    loop: Loop
    loaded: dict[str, Any]
    machine: dict[str, Any]


@dataclass(frozen=True)
class Along:
    """What the other processes need to have the same loop: `weights` of a new run, or the resume point of one."""

    config: FitConfig
    data: Data
    network: str
    weights: dict[str, Tensor] | None = None
    checkpoint: Checkpoint | None = None


def start(config: FitConfig, data: Data, began: float, group: Group = ALONE) -> Started:
    """A loop at step 0: network built from the seed, pretrained weights loaded, the budget turned into steps.

    Nothing is written, so that a wrong name or a refused file costs no run folder. `began` is the `time.perf_counter()`
    at which the command started: a budget counts everything since. The others of `group` wait for what `along` gets.
    """
    model = _network(config, data, network_of(config.model))
    loaded = {**_load(model, config, data), NETWORK: model.spec.network}
    if group.size > 1:
        weights = {name: tensor.cpu() for name, tensor in model.state_dict().items()}
        group.from_first(Along(config, data, model.spec.network, weights))
    loop = _assemble(config, data, model, group)
    loop.state.seconds = time.perf_counter() - began
    if config.steps is None:
        _fit_into_budget(loop, config, data, began)
    _log.info("%s", loop.state.validating.line(len(data.of("val"))))
    return Started(loop, loaded, _surroundings(config, group))


def install(started: Started, folder: Path) -> Loop:
    """Write the records into the run folder and let the loop save its resume points there."""
    write_text(folder / LOADED, json.dumps(started.loaded, indent=1))
    write_text(folder / ENVIRONMENT, json.dumps(started.machine, indent=1))
    started.loop.folder = folder / CHECKPOINTS
    return started.loop


def along(part: Along, group: Group) -> Loop:
    """The loop of the first process, in another one."""
    model = _network(part.config, part.data, part.network)
    if part.weights is not None:
        model.load_state_dict(part.weights)
    loop = _assemble(part.config, part.data, model, group)
    if part.checkpoint is not None:
        _go_on(loop, part.checkpoint, part.data)
    elif part.config.steps is None:
        _fit_into_budget(loop, part.config, part.data, time.perf_counter())
    return loop


def resume(config: FitConfig, data: Data, folder: Path, began: float, group: Group = ALONE) -> Loop:
    """A loop where the run in `folder` stopped; from step 0 when it was stopped before its first resume point.

    It may have been another number of processes that trained it until then. `began` is as for `start`, and counts where
    nothing was trained before.
    """
    if not read_manifest(folder / CHECKPOINTS):
        return install(start(config, data, began, group), folder)
    then = read_record(folder / ENVIRONMENT)
    loaded = read_record(folder / LOADED, "source", "summary")  # needed at the end: better to know now
    network, checkpoint = loaded.get(NETWORK, ""), load_newest(folder / CHECKPOINTS)
    group.from_first(Along(config, data, network, checkpoint=checkpoint))
    loop = _assemble(config, data, _network(config, data, network), group)
    loop.folder = folder / CHECKPOINTS
    _go_on(loop, checkpoint, data)
    now = _surroundings(config, group)
    for difference in differences(then, now):
        _log.warning("not bit-exact from here on: %s", difference)
        then.setdefault("resumed_with", []).append({"step": loop.state.step, "difference": difference})
    write_text(folder / ENVIRONMENT, json.dumps(then, indent=1))
    _log.info("resuming at step %d of %d", loop.state.step, loop.state.total_steps)
    return loop


def check(config: FitConfig, data: Data) -> None:
    """Build everything a fit builds before its weights are loaded; raises what a fit would raise."""
    untrained(config, data, network_of(config.model))


def untrained(config: FitConfig, data: Data, network: str) -> Loop:
    """A loop at step 0 with random weights, for a resolved configuration; `network` as in `ModelSpec`."""
    return _assemble(config, data, _network(config, data, network))


def _surroundings(config: FitConfig, group: Group) -> dict[str, Any]:
    """What the bytes of the run depend on that neither its configuration nor the record of its data holds."""
    folder = config.augment.style_images
    styles = {} if folder is None else {"styles": described(folder)}
    return {**environment(config.train.device, config.train.precision, group.size), **styles}


def _network(config: FitConfig, data: Data, network: str) -> SegmentationModel:
    """The network with the random weights of the run's seed, where and how it will be trained."""
    if config.train.threads is not None:
        torch.set_num_threads(config.train.threads)
    torch.manual_seed(config.seed)
    spec = ModelSpec(config.model.encoder, config.model.decoder, data.channels, len(data.classes), network)
    # an auxiliary head is there for the encoder: one that rests has no use for it
    auxiliary = config.model.auxiliary > 0 and config.transfer.mode != "frozen"
    model = build(spec, auxiliary=auxiliary, dropout=config.model.dropout, drop_path=config.model.drop_path)
    parse_loss(config.optim.loss)  # refuses now what would else be refused after a download, as does the next line
    stage_starts(config.transfer, len(model.stages()))
    if config.transfer.mode == "lora":
        target_layers(model.encoder, config.transfer)
    if config.train.shard:
        require_divisible(model)
    if config.train.device == "cpu":
        keep_freed_memory()
        if config.train.precision == "bf16":
            keep_depthwise_strides_in_float32(model)
    return model.to(config.train.device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _load(model: SegmentationModel, config: FitConfig, data: Data) -> dict[str, Any]:
    """Load the pretrained weights; returns the record of it."""
    if config.transfer.mode == "scratch":
        summary = "training from scratch: no pretrained weights"
        if config.model.weights != ModelConfig().weights:
            summary += f" ({config.model.weights} is not used)"
        record = {"source": dataclasses.asdict(SCRATCH)}
    else:
        report = load_pretrained(model, config.model.weights, data.classes.names)
        summary, record = report.summary(), dataclasses.asdict(report)
    _log.info("%s", summary)
    return {**record, "summary": summary}


def _assemble(config: FitConfig, data: Data, model: SegmentationModel, group: Group = ALONE) -> Loop:
    prep = preprocessing(config, data, model.spec.network)
    engine = _engine(config, data, model, group)
    workers = config.data.workers or 0
    train, val, counts = data.all("train"), data.of("val"), data.counts_of("train")
    validating = by_steps((config.steps or 1) * config.optim.batch, prep.zoom, len(val), config.train.validations)
    # of images that are many times what memory holds, hardly one is still there when it is drawn again
    cache_bytes = 0 if data.whole else CACHE_BYTES // group.on_this_machine
    return Loop(
        engine=engine,
        data=TrainingSet(
            train,
            data.classes,
            counts,
            prep,
            config.augment,
            config.seed,
            cache_bytes,
            painter=painter_for(config.augment),
        ),
        validator=Validator(spread(val, validating.images), data.classes, prep, engine.fabric, workers, group),
        state=State(config.steps or 1, config.optim.micro_batches, validating),
        folder=Path(),  # known once the run folder exists
        train=config.train,
        workers=workers,
        budget=_budget(config),
    )


def _engine(config: FitConfig, data: Data, model: SegmentationModel, group: Group) -> Engine:
    if config.transfer.mode == "lora":
        names = add_lora(model.encoder, config.transfer, config.seed)
        _log.info("%s", _lora_summary(model.encoder, len(names), config.transfer.rank))
    scaler = make_scaler(config.train.precision)
    fabric = make_fabric(config.train.device, config.train.precision, scaler)
    parts = None
    if config.train.shard and group.size > 1:
        average = copy.deepcopy(model.cpu()).requires_grad_(False)  # which waits in the host's memory
        shard(model.to(config.train.device), model.encoder, config.train.device, group.size)
        parts = [tensor.clone() for tensor in tensors_of(model)]
    else:
        average = copy.deepcopy(model).requires_grad_(False)
    groups = lr_groups(model, model.stages(), config.optim, config.transfer)
    weights = class_weights(config.optim, data)
    _log.info("%s", describe(config.optim, weights))
    return Engine(
        fabric=fabric,
        model=model,
        wrapped=fabric.setup_module(model),
        average=average,
        optimizer=make_optimizer(groups, config.optim, config.train.device),
        objective=supervised(
            config.optim.loss,
            torch.tensor(list(weights.values()), dtype=torch.float32) if weights else None,
            config.model.auxiliary if model.auxiliary else 0.0,
            group if group.size > 1 else None,
        ),
        optim=config.optim,
        transfer=config.transfer,
        seed=config.seed,
        kept=starting_point(groups),
        scaler=scaler,
        group=group,
        parts=parts,
    )


def _lora_summary(encoder: nn.Module, layers: int, rank: int) -> str:
    added = sum(parameter.numel() for parameter in added_parameters(encoder))
    whole = sum(parameter.numel() for parameter in encoder.parameters()) - added
    return f"LoRA of rank {rank} on {layers} layers of the encoder: {added:,} weights train, {whole:,} rest"


def _budget(config: FitConfig) -> Budget | None:
    if config.steps is not None or config.minutes is None:
        return None
    return Budget(seconds=60 * config.minutes)


def _go_on(loop: Loop, checkpoint: Checkpoint, data: Data) -> None:
    """Put a loop at a resume point."""
    loop.state = restore(loop.engine, checkpoint)
    if "validating" not in checkpoint.state and loop.train.validations is not None:
        loop.state.validating = Validating(loop.train.validations, MOST_IMAGES)
    _look_as_decided(loop, data)


def _look_as_decided(loop: Loop, data: Data) -> None:
    loop.validator = dataclasses.replace(loop.validator, samples=spread(data.of("val"), loop.state.validating.images))


def _fit_into_budget(loop: Loop, config: FitConfig, data: Data, began: float) -> None:
    """Time a few throwaway steps and validations, and set the steps and validations the budget allows."""
    assert loop.budget is not None, "steps are either given, computed, or follow from minutes"
    state, images = loop.state, len(data.of("val"))
    enough = TIMING * loop.budget.seconds
    step_seconds, per_image = time_steps(loop, enough), time_validation(loop, enough)
    state.reserve += seconds_to_conclude(images * per_image, loop.budget.seconds)
    state.seconds = time.perf_counter() - began
    state.validating = by_seconds(loop.budget.left(state), per_image, images, config.train.validations)
    validating = state.validating
    state.total_steps = loop.budget.first_estimate(state, step_seconds, validating.images * per_image, validating.times)
    # one clock decides for all processes
    state.seconds, state.reserve, state.total_steps, state.validating = loop.engine.group.from_first(
        (state.seconds, state.reserve, state.total_steps, state.validating)
    )
    _look_as_decided(loop, data)
    _log.info("%.1f minutes allow about %d steps (%.2f s each)", config.minutes, state.total_steps, step_seconds)


def seconds_to_conclude(validation_seconds: float, seconds: float) -> float:
    """What follows the last step of a run of `seconds`, the report's pictures and pages aside (`State.reserve`).

    `validation_seconds` is what a validation on all images would take. The final evaluation runs in single precision
    on them, and draws the worst; then some training images, and those of other parts, are looked at once more.
    """
    return 3 * validation_seconds + LOOKING * seconds


def time_steps(loop: Loop, enough: float = math.inf) -> float:
    """Seconds per step, of three after a first one, or fewer once `enough` seconds have gone.

    What the steps change is put back, so that the run itself starts untouched.
    """
    engine = loop.engine
    trial = dataclasses.replace(engine)  # what it remembers of these steps is not the run's
    touched = [*tensors_of(engine.model), *(engine.parts or tensors_of(engine.average))]
    before = [tensor.clone() for tensor in touched]
    times, scale = [], scaler_tensors(engine.scaler)
    for step in range(4):
        began = time.perf_counter()
        # past the head phase, where steps cost the most
        state = State(total_steps=4, micro_batches=loop.state.micro_batches, step=step, progress=0.9)
        training_step(trial, loop.data.batch(step, engine.optim.batch, engine.group.part), state)
        times.append(time.perf_counter() - began)
        if len(times) > 1 and loop.engine.group.most(sum(times)) > enough:
            break
    for tensor, old in zip(touched, before, strict=True):
        tensor.copy_(old)
    engine.optimizer.state.clear()
    engine.optimizer.zero_grad(set_to_none=True)
    restore_scaler(engine.scaler, scale)
    return min(times[1:])


def time_validation(loop: Loop, enough: float = math.inf) -> float:
    """Seconds a validation takes for each of its images, from the faster of two looks at a few, after a first one.

    One hiccup of the machine would else be taken for a share of every image, and a short budget spent on nothing. There
    is no second look once the first has taken `enough` seconds.
    """
    samples = loop.validator.samples
    one, few = (dataclasses.replace(loop.validator, samples=some) for some in (samples[:1], spread(samples, 4)))
    engine, times = loop.engine, []
    with gathered(engine.average, engine.parts, engine.fabric.device):
        one(engine.average, StopRequest())  # which takes several times as long
        for _ in range(2):
            began = time.perf_counter()
            few(engine.average, StopRequest())
            times.append(time.perf_counter() - began)
            if engine.group.most(sum(times)) > enough:
                break
    return min(times) / len(few.samples)
