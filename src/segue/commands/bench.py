"""`segue bench`: how fast this machine reads, trains and predicts, what holds it back, how long a fit takes."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import tempfile
import time
from collections.abc import Collection
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch

from segue.commands import fit
from segue.commands.columns import in_columns
from segue.config_file import read_fit_config
from segue.configs import BenchConfig, FitConfig
from segue.console import progress_bar
from segue.conversion import to_dict
from segue.cores import usable_cores
from segue.data.geometry import Preprocessing, working_size
from segue.data.loader import Batch
from segue.data.prepare import Data, load_data
from segue.durable import write_text
from segue.errors import RunError, UsageError
from segue.infer.device import pick_device
from segue.infer.segmenter import Segmenter
from segue.models.sources.choice import network_of
from segue.planning.machine import total_memory
from segue.records import read_record
from segue.speed.ceiling import Ceiling, ceiling, operations, products
from segue.speed.estimate import Estimate, estimate
from segue.speed.loading import Images, crops, crops_ahead, reading, share_from_memory
from segue.speed.memory import peak_device_memory, peak_memory
from segue.speed.predicting import predicting, untrained_segmenter
from segue.speed.training import Trainer, alone, end_to_end, validation
from segue.speed.turns import Slice, Timing, in_turns
from segue.speed.verdict import Setting, Verdict, busy, lost, of_predicting, of_training, per_image, rate
from segue.train.loop import Loop
from segue.train.machine import pick_precision
from segue.train.resolve import default_steps
from segue.train.run_folder import CONFIG, DATA, LOADED, MODEL, fold_folders, is_complete, require_run
from segue.train.start import NETWORK, untrained

RARE = 0.05  # share of the crops below which they are not worth a measurement of their own
BESIDE_RUN = frozenset(("paths", "out", "seconds", "json", "dry_run"))  # options that may stand beside a run
LABELS = {
    "read": "decoding an image and its mask",
    "crop_cached": "crops, one thread, images in memory",
    "crop_uncached": "crops, one thread, images decoded for them",
    "crops_cached": "crops, all loader threads, images in memory",
    "crops_uncached": "crops, all loader threads, images decoded for them",
    "step": "training step, batch in memory",
    "forward": "  forward",
    "backward": "  backward",
    "update": "  update",
    "training_cached": "training as it runs, images in memory",
    "training_uncached": "training as it runs, images decoded for it",
    "validation": "validation while training",
    "decode": "predicting: decoding",
    "network": "predicting: network",
    "mask": "predicting: writing the mask",
    "overlay": "predicting: writing the overlay",
}
HEADS = ("measured", "images/s", "ms an image", "spread", "repeats")


@dataclass(frozen=True)
class BenchResult:
    """What was measured, what follows from it, and with what; a dry run has figures of nothing.

    `figures` are the seconds for one image by the names of `LABELS`. `peak` and `device_peak` are bytes that were held
    at most, None where nobody tells; `memory` is what there is, of an accelerator where one is used. `disturbed` is
    empty on an idle machine. `ceiling` is what a step of training reaches of it.
    """

    config: FitConfig
    figures: dict[str, Timing]
    setting: Setting | None
    verdicts: dict[str, Verdict]
    estimate: Estimate | None
    ceiling: Ceiling | None
    disturbed: str
    peak: int | None
    device_peak: int | None
    memory: int
    seconds: float
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types: the content of bench.json."""
        return {
            "images_per_second": {name: round(one.rate, 3) for name, one in self.figures.items()},
            "figures": {name: dataclasses.asdict(one) for name, one in self.figures.items()},
            **self._training(),
            "setting": None if self.setting is None else dataclasses.asdict(self.setting),
            "bottleneck": {name: verdict.bottleneck for name, verdict in self.verdicts.items()},
            "verdict": {name: verdict.sentence for name, verdict in self.verdicts.items()},
            "fit": None if self.estimate is None else self._fit(self.estimate),
            "disturbed": self.disturbed or None,
            "memory": {"peak": self.peak, "device_peak": self.device_peak, "there_is": self.memory},
            "seconds": round(self.seconds, 3),
            "config": to_dict(self.config),
        }

    def _training(self) -> dict[str, Any]:
        if self.setting is None:
            return {"training": None}
        share = self.setting.from_memory
        reached = 1 / per_image(self.figures, "training", share)
        told = {"images_per_second": round(reached, 3), "lost": round(lost(self.figures, share), 4)}
        if self.ceiling is not None:
            told |= dataclasses.asdict(self.ceiling) | {"share_of_ceiling": round(self.ceiling.share, 5)}
        return {"training": told}

    @staticmethod
    def _fit(said: Estimate) -> dict[str, Any]:
        return dataclasses.asdict(said) | {"seconds": said.seconds}

    def lines(self) -> list[str]:
        """The result for people."""
        if self.setting is None or self.estimate is None:
            return ["data and options are in order; dry run: nothing was measured"]
        one, rows = self.setting, [_row(name, self.figures[name]) for name in LABELS if name in self.figures]
        used = f"{one.device}, {one.precision}; cores {one.cores}, threads {one.threads}, loader threads {one.workers}"
        return [
            *in_columns(rows, [(head, itemgetter(head)) for head in HEADS]),
            f"{used}; {one.from_memory:.0%} of a fit's crops find their image in memory",
            *([self.ceiling.line(one.precision)] if self.ceiling is not None else []),
            *self._memory_lines(),
            *([f"caution: {self.disturbed}"] if self.disturbed else []),
            *(verdict.sentence for verdict in self.verdicts.values()),
            self.estimate.line(),
        ]

    def _memory_lines(self) -> list[str]:
        peaks = {"process": self.peak, "accelerator": self.device_peak}
        told = [f"{name} {size / 1e9:.1f} GB" for name, size in peaks.items() if size is not None]
        return [f"most memory at once: {', '.join(told)}; there are {self.memory / 1e9:.1f} GB"] if told else []


def _row(name: str, one: Timing) -> dict[str, str]:
    phase = LABELS[name].startswith(" ")
    return {
        "measured": LABELS[name],
        "images/s": "" if phase else rate(one.seconds),
        "ms an image": f"{1000 * one.seconds:.{1 if one.seconds < 0.1 else 0}f}",
        "spread": f"{one.spread:.0%}",
        "repeats": str(one.repeats),
    }


@dataclass(frozen=True)
class _Subject:
    """What is measured. The weights of the loop are random; those of the segmenter are too, unless `trained`."""

    config: FitConfig
    data: Data
    loop: Loop
    segmenter: Segmenter
    trained: bool


def run(config: BenchConfig, given: Collection[str] = (), began: float | None = None) -> BenchResult:
    """Measure; see `BenchConfig` for the options. Nothing but `config.out` is written.

    `given` are the dotted names of options that stand, and `began` when the clock started, as for `segue fit`. Raises
    what `segue fit` raises before its first step, `RunError` for a run that is not finished, and `TrainingStoppedError`
    when memory is too small.
    """
    if not config.paths:
        raise UsageError("expected a folder with images and masks, or a run, got none: segue bench DATA")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None  # before any of it is our own
    began = time.perf_counter() if began is None else began
    subject = _of_run(config, given) if any(map(_is_run, config.paths)) else _of_data(config, given)
    preparing = time.perf_counter() - began
    memory = total_memory(subject.config.train.device)
    if config.dry_run:
        return BenchResult(subject.config, {}, None, {}, None, None, "", None, None, memory, preparing)
    prep = subject.loop.validator.prep
    images = Images(subject.config, subject.data, prep)
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as folder, progress_bar("measuring") as update:
        setting = _setting(subject, prep, images)
        trainer = Trainer(subject.loop)
        ready = images.kept.batch(0, trainer.batch)
        slices = _slices(subject, images, setting, Path(folder), trainer, ready)
        figures = in_turns(slices, config.seconds, update)
        product = figures.pop("product").seconds
    validated = len(subject.data.of("val"))
    result = BenchResult(
        config=subject.config,
        figures=figures,
        setting=setting,
        verdicts={"training": of_training(figures, setting), "predicting": of_predicting(figures, setting)},
        estimate=estimate(subject.config, figures, validated, prep.zoom, setting.from_memory, preparing),
        ceiling=ceiling(operations(trainer, ready), figures["step"].seconds, product, trainer.device.type),
        disturbed=busy(figures, load, os.cpu_count() or 1),
        peak=peak_memory(),
        device_peak=peak_device_memory(setting.device),
        memory=memory,
        seconds=time.perf_counter() - began,
    )
    if config.out is not None:
        write_text(config.out, json.dumps(result.to_json(), indent=1) + "\n")
    return result


def _is_run(path: Path) -> bool:
    return any((path / name).exists() for name in (CONFIG, DATA, MODEL, "model.json"))


def _of_run(config: BenchConfig, given: Collection[str]) -> _Subject:
    """A finished run: trained as it was, predicting as it does."""
    run = next(path for path in config.paths if _is_run(path))
    alone = BenchConfig((run,), out=config.out, seconds=config.seconds, json=config.json, dry_run=config.dry_run)
    if config != alone or not BESIDE_RUN.issuperset(given):
        raise UsageError(
            f"{run}: expected a run alone, which is measured with its own options, got others beside it: to change "
            f"them, segue bench --config {shlex.quote(str(run / CONFIG))}"
        )
    require_run(run)
    if not is_complete(run):
        raise RunError(f"{run}: expected a finished run: finish it with segue fit --resume {shlex.quote(str(run))}")
    trained = read_fit_config(run / CONFIG)
    part = run if trained.folds == 1 else fold_folders(run, trained.folds)[0]
    data = load_data(part / DATA)
    loop = untrained(trained, data, read_record(part / LOADED).get(NETWORK, ""))
    return _Subject(trained, data, loop, Segmenter.load(run, trained.train.device), trained=True)


def _of_data(config: BenchConfig, given: Collection[str]) -> _Subject:
    """A data set, with what `segue fit` would decide without short trainings."""
    own = {field.name for field in dataclasses.fields(BenchConfig)} - {"seconds", "out", "json"}
    options = {field.name: getattr(config, field.name) for field in dataclasses.fields(FitConfig) if field.name in own}
    decided, data, _ = fit.decided(FitConfig(**{**options, "dry_run": True}), given)
    loop = untrained(decided, data, network_of(decided.model))
    segmenter = untrained_segmenter(loop, decided.train.device)
    return _Subject(dataclasses.replace(decided, dry_run=False), data, loop, segmenter, trained=False)


def _setting(subject: _Subject, prep: Preprocessing, images: Images) -> Setting:
    config, data = subject.config, subject.data
    device, precision = config.train.device, config.train.precision
    sizes = sorted(data.sizes, key=lambda size: size[0] * size[1])
    steps = config.steps or default_steps(len(data.all("train")), config.optim.batch)  # of minutes, nobody knows yet
    best = pick_device("auto").type
    usual = pick_precision("auto", device)
    return Setting(
        device=device,
        precision=precision,
        cores=usable_cores(),
        threads=torch.get_num_threads(),
        workers=config.data.workers or 0,
        size=prep.size,
        seen=working_size(*sizes[len(sizes) // 2], prep),
        from_memory=share_from_memory(steps * config.optim.batch, len(data.all("train")), images.bytes_each()),
        faster_device=best if best != device and device == "cpu" else "",
        faster_precision=usual if (precision, usual) == ("fp32", "bf16") else "",
    )


def _slices(
    subject: _Subject, images: Images, setting: Setting, folder: Path, trainer: Trainer, ready: Batch
) -> dict[str, Slice]:
    """All that is measured, in the order in which an image meets it; `ready` is a batch that lies in memory."""
    sets = {"cached": images.kept, "uncached": images.decoded}
    slices = {"read": reading(images)}
    slices |= {f"crop_{kind}": crops(f"crop_{kind}", data) for kind, data in sets.items()}
    if setting.workers > 1:  # one thread beside an idle main one does what the main one does alone
        for kind, data in sets.items():
            slices[f"crops_{kind}"] = crops_ahead(f"crops_{kind}", data, trainer.batch, setting.workers)
    slices["step"] = alone(trainer, ready)
    slices["product"] = products(trainer, setting.precision)
    shares = {"cached": setting.from_memory, "uncached": 1 - setting.from_memory}
    for kind in (kind for kind, share in shares.items() if share >= RARE):
        name = f"training_{kind}"
        slices[name] = end_to_end(name, trainer, sets[kind], setting.workers)
    slices["validation"] = validation(subject.loop)
    slices["predict"] = predicting(subject.segmenter, subject.data.of("val"), folder, subject.trained)
    return slices
