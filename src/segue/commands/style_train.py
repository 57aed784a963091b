"""`segue style train`: a network that paints any photo in one pass, in the styles of the pictures given."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from segue.commands.style_paths import check_name, whole
from segue.commands.style_train_files import files_of, require_same
from segue.commands.style_train_names import names_alone
from segue.commands.style_train_text import network_of, settled
from segue.config_file import read_config_file
from segue.configs import OptimConfig
from segue.console import duration, progress_bar
from segue.conversion import from_dict, to_dict
from segue.durable import write_text
from segue.errors import RunError, UsageError
from segue.infer.device import pick_device
from segue.records import read_record
from segue.style.bank.catalogue import in_bank
from segue.style.model_folder import JSON_NAME, load_style_info, load_style_model, save_style_model
from segue.style.network import StyleNetwork
from segue.style.picture import read_picture
from segue.style.record import UsedStyle
from segue.style_configs import StyleTrainConfig
from segue.train.checkpoint import load_newest, read_manifest, remove_checkpoints
from segue.train.heap import keep_freed_memory
from segue.train.lock import held
from segue.train.machine import differences, environment, pick_precision
from segue.train.optim import make_optimizer
from segue.train.record import seconds_so_far
from segue.train.run_folder import (
    CHECKPOINTS,
    CONFIG,
    DATA,
    ENVIRONMENT,
    METRICS,
    MODEL,
    create_run_folder,
    require_empty,
)
from segue.train.signals import stop_request
from segue.train.style_loop import StyleLoop, StyleState, restore, run_style_loop, save
from segue.train.style_methods import METHODS
from segue.train.style_methods.cin import require_rows
from segue.train.style_methods.pieces import Pieces, StyleData
from segue.train.style_record import StyleRecorder, sample_sheet, small_sample
from segue.train.style_trial import seconds_per_step
from segue.transfer.lr_groups import Group

log = logging.getLogger("segue")
STEPS, ADDING_STEPS = 4000, 400
LR, ADDING_LR = 1e-3, 1e-2
PRETRAINED = 0.1  # rate of weights that began trained, as a share of that of the others
EMA = 0.02  # horizon of the averaged weights as a share of all steps
NOT_WRITTEN = ("resume", "json", "dry_run", "out")


@dataclass(frozen=True)
class StyleTrainResult:
    """What was trained: the run folder, the styles it knows, the last means of the terms. A dry run has no folder."""

    run: Path | None
    styles: tuple[str, ...]
    photos: int
    steps: int
    losses: dict[str, float]
    seconds: float
    config: StyleTrainConfig
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "run": str(self.run) if self.run else None,
            "styles": list(self.styles),
            "photos": self.photos,
            "steps": self.steps,
            "losses": self.losses,
            "seconds": round(self.seconds, 3),
            "config": to_dict(self.config),
        }

    def lines(self) -> list[str]:
        """The result for people."""
        names = ", ".join(self.styles)
        if self.run is None:
            length = f"{self.steps} steps" if self.steps else f"{self.config.minutes:g} minutes"
            shown = yaml.safe_dump(to_dict(self.config), sort_keys=False).rstrip()
            return [shown, "", f"{length} on {self.photos} photos for {names}", "dry run: nothing was written"]
        parts = ", ".join(f"{name} {value:.3g}" for name, value in self.losses.items())
        run, known = shlex.quote(str(self.run)), self.config.method in ("cin", "text")
        what, style = (names, shlex.quote(self.styles[-1])) if known else ("any style", "PICTURE")
        which = "" if self.config.text else f" --style {style}"  # there is but one
        return [
            f"{self.run}: {self.steps} steps in {duration(self.seconds)}, {parts}",
            f"it paints in {what}: segue style apply PICTURES --model {run}{which}",
        ]


def run(config: StyleTrainConfig, began: float | None = None) -> StyleTrainResult:
    """Train a network; see `StyleTrainConfig` for the options. `began` is when the command started (perf_counter).

    Raises `UsageError`, `DataError` or `WeightsError` before a run folder is made, and as `run_style_loop` does after.
    """
    began = time.perf_counter() if began is None else began
    if config.resume is not None:
        return _continue(config, config.resume)
    config = _resolved(config)
    data = files_of(config)
    if config.dry_run:
        if not names_alone(config):
            _assembled(config, data, _base(config))
        return StyleTrainResult(None, _names(data), len(data.photos), config.steps or 0, {}, 0.0, config)
    if config.out is not None and config.out.is_dir():
        require_empty(config.out)
    base = _base(config)
    loop, pieces = _assembled(config, data, base)
    if config.minutes is not None:
        loop.budget = 60 * config.minutes
        step = seconds_per_step(loop)
        loop.state.total_steps = max(1, int((loop.budget - (time.perf_counter() - began)) / step))
        log.info("%g minutes allow about %d steps (%.2f s each)", config.minutes, loop.state.total_steps, step)
    assert config.photos is not None, "a run without photos was refused"
    folder = create_run_folder(config.out, config.photos.name)
    with held(folder):
        require_empty(folder)
        _write_records(folder, config, data, pieces)
        loop.folder = folder / CHECKPOINTS
        save(loop)  # the run can be gone on with from now on, whatever becomes of the network it was added to
        loop.state.seconds = time.perf_counter() - began
        return _train(loop, pieces, config, data, folder)


# --- what is asked for -----------------------------------------------------------------------------------------------


def _resolved(config: StyleTrainConfig) -> StyleTrainConfig:
    """`config` with nothing left open."""
    config = settled(config)
    if config.photos is None or not (config.styles or config.text):
        if config.text:
            raise UsageError(
                "expected photos beside --text, got none: segue style train PHOTOS --text WORDS --clip CLIP"
            )
        got = "neither" if config.photos is None else "no style"
        raise UsageError(f"expected photos and one or more styles, got {got}: segue style train PHOTOS STYLE")
    if config.out is not None:
        check_name("out", config.out)
    adding = config.add_to is not None
    steps = config.steps
    if steps is None and config.minutes is None:
        steps = ADDING_STEPS if adding else STEPS
    device = pick_device(config.device)
    weights, predictor_weights = (
        given if given in ("hub", "none") else str(Path(given).resolve())
        for given in (config.weights, config.predictor_weights)
    )
    lr = config.lr if config.lr is not None else ADDING_LR if adding else LR
    return dataclasses.replace(
        config,
        photos=whole(config.photos),
        styles=tuple(path if in_bank(path) else whole(path) for path in config.styles),
        more_photos=tuple(map(whole, config.more_photos)),
        add_to=config.add_to.resolve() if config.add_to is not None else None,
        steps=steps,
        lr=lr,
        weights=weights,
        predictor_weights=predictor_weights,
        device=device.type,
        precision=pick_precision(config.precision, device.type),
    )


def _base(config: StyleTrainConfig) -> StyleNetwork | None:
    if config.add_to is None:
        return network_of(config) if config.text else None
    base, _ = load_style_model(config.add_to)
    require_rows(base)
    return base


# --- the loop --------------------------------------------------------------------------------------------------------


def _assembled(config: StyleTrainConfig, data: StyleData, base: StyleNetwork | None = None) -> tuple[StyleLoop, Pieces]:
    """A loop at step 0; one that is restored needs no `base`."""
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    device = torch.device(config.device)
    if device.type == "cpu":
        keep_freed_memory()
    pieces: Pieces = METHODS[config.method](config, data, device, base)
    lr = config.lr if config.lr is not None else LR
    schedule = "constant" if config.text else "cosine"
    optim = OptimConfig(
        optimizer="adam", lr=lr, batch=config.batch, schedule=schedule, weight_decay=0.0, clip_norm=0.0, ema=EMA
    )
    trained = [(name, one) for name, one in pieces.network.named_parameters() if one.requires_grad]
    late = tuple(pair for pair in trained if pieces.pretrained and pair[0].startswith(pieces.pretrained))
    fresh = tuple(pair for pair in trained if pair not in late)
    groups = [Group(fresh, lr, 0.0), *([Group(late, PRETRAINED * lr, 0.0, encoder=True)] if late else [])]
    average = copy.deepcopy(pieces.network).requires_grad_(False)
    loop = StyleLoop(
        model=pieces.network,
        average=average,
        optimizer=make_optimizer(groups, optim, device.type),
        objective=pieces.objective,
        data=pieces.batches,
        optim=optim,
        state=StyleState(config.steps or 1),
        folder=Path(),  # known once the run folder exists
        seed=config.seed,
        device=device,
        checkpoint_every=config.checkpoint_every,
    )
    return loop, pieces


def _train(
    loop: StyleLoop, pieces: Pieces, config: StyleTrainConfig, data: StyleData, folder: Path
) -> StyleTrainResult:
    photos = [small_sample(read_picture(path)).to(loop.device) for path in data.held_out]
    recorder = StyleRecorder(folder, lambda: sample_sheet(loop.average, photos, pieces.shown(loop.average)))
    loop.again = f"segue style train --resume {shlex.quote(str(folder))}"
    loop.on_record = recorder.write
    deterministic = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    with stop_request() as stop, progress_bar("training") as update, deterministic:
        loop.on_step = lambda state: update(state.progress, _position(state))
        run_style_loop(loop, stop)
    known = () if pieces.network.takes_pictures else (*data.known, *data.styles)
    save_style_model(folder / MODEL, loop.average, known, _trained(loop, pieces, config, data))
    remove_checkpoints(loop.folder)
    return _result(folder, data, loop.state, config)


def _trained(loop: StyleLoop, pieces: Pieces, config: StyleTrainConfig, data: StyleData) -> dict[str, Any]:
    """What `model.json` tells about the training, for people."""
    pretrained = pieces.pretrained_source
    of_styles = () if config.text else ("preset",) if pieces.network.takes_pictures else ("style_size", "preset")
    names = ("method", "size", "batch", "lr", "seed", *of_styles)
    return {
        **{name: getattr(config, name) for name in names},
        "photos": len(data.photos),
        "styles": [style.name for style in data.styles],
        "steps": loop.state.step,
        "seconds": round(loop.state.seconds, 1),
        "losses": loop.state.history[-1].losses,
        "precision": config.precision,
        "loss_network": pieces.loss_network,
        "loss_weights": dataclasses.asdict(pieces.source),
        **({"predictor": config.predictor} if config.method == "predict" else {}),
        **({"predictor_weights": dataclasses.asdict(pretrained)} if pretrained else {}),
        "added_to": data.base_sha256 if config.add_to else "",
        **pieces.told,
    }


def _position(state: StyleState) -> str:
    left = state.seconds * (1 - state.progress) / state.progress if state.progress else 0.0
    return f"step {state.step}/{state.total_steps} · {duration(left)} left"


def _names(data: StyleData) -> tuple[str, ...]:
    return tuple(style.name for style in (*data.known, *data.styles))


def _result(folder: Path, data: StyleData, state: StyleState, config: StyleTrainConfig) -> StyleTrainResult:
    losses = state.history[-1].losses
    return StyleTrainResult(folder, _names(data), len(data.photos), state.step, losses, state.seconds, config)


# --- the run folder --------------------------------------------------------------------------------------------------


def _write_records(folder: Path, config: StyleTrainConfig, data: StyleData, pieces: Pieces) -> None:
    content = {
        "photos": [str(path) for path in data.photos],
        "held_out": [str(path) for path in data.held_out],
        "styles": [dataclasses.asdict(style) for style in data.styles],
        "paths": [str(path) for path in data.paths],
        "known": [dataclasses.asdict(style) for style in data.known],
        "numbers": data.numbers,
        "base_sha256": data.base_sha256,
        "bytes": list(data.bytes),
        **pieces.hashes,
    }
    write_text(folder / DATA, json.dumps(content, indent=1))
    write_text(folder / ENVIRONMENT, json.dumps(environment(config.device, config.precision), indent=1))
    values = {name: value for name, value in to_dict(config).items() if name not in NOT_WRITTEN}
    write_text(folder / CONFIG, yaml.safe_dump(values, sort_keys=False, allow_unicode=True))


def _read_records(folder: Path) -> tuple[StyleTrainConfig, StyleData, dict[str, Any]]:
    """The configuration, the files, and what `Pieces.hashes` were; a run of before they were noted has no files'."""
    missing = [name for name in (CONFIG, DATA) if not (folder / name).is_file()]
    if missing:
        raise RunError(f"{folder}: expected a run of segue style train, it has no {missing[0]}: check the path")
    values = read_config_file(folder / CONFIG)
    if "styles" not in values:
        raise RunError(f"{folder}: expected a run of segue style train, got one of another verb: segue fit --resume")
    hashes = ("loss_sha256", "pretrained_sha256")
    record = read_record(
        folder / DATA, "photos", "held_out", "styles", "paths", "known", "numbers", "base_sha256", *hashes
    )
    photos, held_out, paths = (tuple(map(Path, record[name])) for name in ("photos", "held_out", "paths"))
    styles, known = (tuple(UsedStyle(**style) for style in record[name]) for name in ("styles", "known"))
    data = StyleData(photos, held_out, styles, paths, known, record["numbers"], record["base_sha256"])
    data = dataclasses.replace(data, bytes=tuple(record.get("bytes", ())))
    return from_dict(StyleTrainConfig, values), data, {name: record.get(name) for name in (*hashes, "guide_sha256")}


def _continue(given: StyleTrainConfig, folder: Path) -> StyleTrainResult:
    if given != StyleTrainConfig(resume=folder, json=given.json):
        raise UsageError("--resume takes no other option: the run goes on with the configuration it was started with")
    config, data, hashes = _read_records(folder)
    with held(folder):
        if (folder / MODEL / JSON_NAME).is_file() and not read_manifest(folder / CHECKPOINTS):
            return _completed(config, data, folder)
        _require_device(config, folder)
        require_same(data)
        checkpoint = load_newest(folder / CHECKPOINTS, "segue style train PHOTOS STYLE")
        loop, pieces = _assembled(config, data)
        loop.folder = folder / CHECKPOINTS
        _require_same_networks(config, pieces, hashes)
        restore(loop, checkpoint)
        loop.budget = None if config.minutes is None else 60 * config.minutes
        then, now = read_record(folder / ENVIRONMENT), environment(config.device, config.precision)
        for difference in differences(then, now):
            log.warning("not bit-exact from here on: %s", difference)
        log.info("resuming at step %d of %d", loop.state.step, loop.state.total_steps)
        return _train(loop, pieces, config, data, folder)


def _require_same_networks(config: StyleTrainConfig, pieces: Pieces, before: dict[str, Any]) -> None:
    """Refuse to go on with another network than those the run began with; raises `RunError`."""
    if pieces.hashes["loss_sha256"] != before["loss_sha256"]:
        name = config.clip or config.weights
        raise RunError(f"{name}: expected the loss network this run began with, got another: put it back")
    if pieces.hashes["pretrained_sha256"] != before["pretrained_sha256"]:
        name = config.predictor_weights
        raise RunError(f"{name}: expected the predictor's weights this run began with, got others: put them back")
    then = before["guide_sha256"]
    names = () if then is None else sorted({*then, *pieces.files})
    other = [name for name in names if then.get(name) != pieces.files.get(name)]
    if other:
        raise RunError(
            f"{config.clip}: expected CLIP as this run began with it, got another {', '.join(other)}: put it back"
        )


def _require_device(config: StyleTrainConfig, folder: Path) -> None:
    """Refuse to go on where the run's device is absent, before anything is read for it."""
    try:
        pick_device(config.device)
    except UsageError:
        raise RunError(
            f"{folder}: this run computes on {config.device}, which this machine does not have: go on with it where it "
            f"began, or write device: cpu into its {CONFIG}, which gives other last digits"
        ) from None


def _completed(config: StyleTrainConfig, data: StyleData, folder: Path) -> StyleTrainResult:
    log.info("%s is complete, nothing is left to do", folder)
    trained = load_style_info(folder).trained
    seconds = max(seconds_so_far(folder / METRICS).values(), default=0.0)
    return StyleTrainResult(
        folder, _names(data), len(data.photos), int(trained["steps"]), trained["losses"], seconds, config
    )
