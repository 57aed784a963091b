"""What a fit does after its last step: keep the best model, evaluate it as `segue evaluate` would, and report."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import segue
from segue.commands.remember import remember
from segue.configs import FitConfig
from segue.conversion import to_dict
from segue.data.index import Sample
from segue.data.parallel import Update
from segue.data.prepare import Data
from segue.durable import write_text
from segue.infer.evaluate import Evaluation, evaluate
from segue.infer.out_of_fold import Judge
from segue.infer.segmenter import Segmenter
from segue.models.artifact import ModelInfo, save_model, save_temperature
from segue.models.source import Source
from segue.records import read_record
from segue.report.folder import write_evaluation
from segue.report.gather import summarise_splits, worst_and_random
from segue.report.inputs import DataSummary, ReportInputs
from segue.report.suspects import suspect_crops
from segue.train.checkpoint import load_best
from segue.train.class_weights import class_weights
from segue.train.interpolation import Interpolation, interpolate_best
from segue.train.loop import Loop
from segue.train.run_folder import ENVIRONMENT, INTERPOLATION, LOADED, MODEL
from segue.transfer.lora import merge_lora
from segue.trust.crossfit import cross_fitted

SHOWN = 8  # worst and random validation images in the report


def conclude(loop: Loop, config: FitConfig, data: Data, folder: Path, update: Update) -> dict[str, Any]:
    """Write model, evaluation, pictures and report of a finished loop; returns the content of evaluation.json."""
    loaded = read_record(folder / LOADED, "source", "summary")
    mixture = _take_best(loop, folder)
    miou = mixture.kept_miou if mixture else loop.state.best_miou
    segmenter = _keep_model(loop, config, data, folder, Source(**loaded["source"]), miou)
    samples = data.of("val")
    evaluation = evaluate(segmenter, samples, progress=update)
    assert evaluation.sample is not None, "an evaluation of images has one"
    calibration = cross_fitted(evaluation.sample, evaluation.groups)
    save_temperature(folder / MODEL, calibration.temperature)
    domain = remember(segmenter, folder / MODEL, config, data, evaluation, loop.state.step, update)
    summary = evaluation.summary(seed=config.seed) | {"calibration": calibration.summary(), "domain": domain}
    inputs = dataclasses.replace(
        report_inputs(folder, config, data, segmenter, samples, evaluation, summary),
        history=tuple(loop.state.history),
        pretrained=pretrained_facts(loaded) | ({"interpolation": mixture.summary()} if mixture else {}),
        environment=read_record(folder / ENVIRONMENT),
        seconds=loop.state.seconds,
    )
    write_evaluation(folder, summary, evaluation, inputs)
    return summary


def report_inputs(
    folder: Path,
    config: FitConfig,
    data: Data,
    judge: Judge,
    samples: Sequence[Sample],
    evaluation: Evaluation,
    summary: dict[str, Any],
) -> ReportInputs:
    """What the report of any fit shows of its data, its options and its scores; the rest is the caller's to add."""
    worst, random = worst_and_random(judge, samples, evaluation, worst=SHOWN, random=SHOWN, seed=config.seed)
    return ReportInputs(
        title=folder.name,
        classes=data.classes,
        summary=summary,
        matrix=evaluation.matrix,
        command=reproducing_command(config),
        worst=worst,
        random=random,
        suspects=suspect_crops(judge, samples, evaluation),
        data=_data_summary(data),
        config=to_dict(config),
        class_weights=class_weights(config.optim, data),
    )


def _take_best(loop: Loop, folder: Path) -> Interpolation | None:
    """Make the averaged model what will be used: weights of the best validation, interpolated and merged as asked."""
    average, best = loop.engine.average.to(loop.engine.fabric.device), load_best(loop.folder)
    average.load_state_dict(best)
    mixture = interpolate_best(loop, best)
    if mixture is not None:
        write_text(folder / INTERPOLATION, json.dumps(dataclasses.asdict(mixture), indent=1))
    merge_lora(average)
    return mixture


def _keep_model(loop: Loop, config: FitConfig, data: Data, folder: Path, source: Source, miou: float) -> Segmenter:
    average = loop.engine.average
    info = ModelInfo(
        spec=average.spec,
        classes=data.classes,
        prep=loop.validator.prep,
        source=source,
        segue=segue.__version__,
        scores={"miou": miou},
    )
    save_model(folder / MODEL, average, info)
    return Segmenter.load(folder / MODEL, device=config.train.device)


def _data_summary(data: Data) -> DataSummary:
    """What the report says of the data."""
    splits = summarise_splits(data.samples, data.pixels)
    return DataSummary(str(data.root), data.format, data.channels, splits, data.findings)


def pretrained_facts(loaded: dict[str, Any]) -> dict[str, str]:
    """What the report says of the pretrained weights; `loaded` is the content of weights.json."""
    source = loaded["source"]
    facts = {"source": source["name"], "licence": source["licence"], "loaded": loaded["summary"]}
    optional = {"sha256": source["sha256"], "page": source["url"]}
    return facts | {name: value for name, value in optional.items() if value}


def reproducing_command(config: FitConfig) -> str:
    """The command line that gives this run again: every option that differs from its default, and nothing decided."""
    words = ["segue", "fit", *(str(path) for path in config.paths)]
    words += _options(to_dict(dataclasses.replace(config, configure=False)), to_dict(FitConfig()), "")
    return " ".join(shlex.quote(word) for word in words)


def _options(values: dict[str, Any], defaults: dict[str, Any], prefix: str) -> list[str]:
    words: list[str] = []
    for name, value in values.items():
        if isinstance(value, dict) and defaults[name]:  # a group of options; a mapping is empty by default
            words += _options(value, defaults[name], f"{name}.")
        elif value != defaults[name] and name not in ("paths", "out", "json", "resume", "config", "plan", "dry_run"):
            words += _option("--" + (prefix + name).replace("_", "-"), name, value)
    return words


def _option(flag: str, name: str, value: Any) -> list[str]:  # noqa: ANN401
    if isinstance(value, bool):
        return [flag if value else flag.replace("--", "--no-", 1)]
    if isinstance(value, list):
        return [flag, ("x" if name in ("size", "scale") else ",").join(str(part) for part in value)]
    if isinstance(value, dict):
        return [flag, ",".join(f"{new}={'+'.join(olds)}" for new, olds in value.items())]
    return [flag, str(value)]
