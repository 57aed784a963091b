"""What a fit does after its last step: keep the best model, evaluate it as `segue evaluate` would, and report."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import segue
from segue.configs import FitConfig
from segue.conversion import to_dict
from segue.data.prepare import Data
from segue.durable import write_text
from segue.infer.evaluate import Evaluation, evaluate
from segue.infer.segmenter import Segmenter
from segue.models.artifact import ModelInfo, save_model
from segue.models.source import Source
from segue.records import read_record
from segue.report.gather import summarise_data, worst_and_random
from segue.report.inputs import Example, ReportInputs
from segue.report.page import write_report
from segue.report.pictures import save_examples, save_worst
from segue.report.plots import save_confusion
from segue.train.checkpoint import load_best
from segue.train.loop import Loop
from segue.train.run_folder import ENVIRONMENT, LOADED, MODEL

SHOWN = 8  # worst and random validation images in the report

Update = Callable[[float, str], None]


def conclude(loop: Loop, config: FitConfig, data: Data, folder: Path, update: Update) -> dict[str, Any]:
    """Write model, evaluation, pictures and report of a finished loop; returns the content of evaluation.json."""
    loaded = read_record(folder / LOADED, "source", "summary")
    segmenter = _keep_best(loop, config, data, folder, Source(**loaded["source"]))
    samples = data.of("val")
    evaluation = evaluate(segmenter, samples, progress=update)
    summary = evaluation.summary(seed=config.seed)
    write_text(folder / "evaluation.json", json.dumps(summary, indent=1))
    write_text(folder / "per_image.csv", evaluation.csv())
    worst, random = worst_and_random(segmenter, samples, evaluation, worst=SHOWN, random=SHOWN, seed=config.seed)
    _draw(folder, evaluation, worst, random)
    inputs = ReportInputs(
        title=folder.name,
        classes=data.classes,
        summary=summary,
        matrix=evaluation.matrix,
        command=reproducing_command(config),
        history=tuple(loop.state.history),
        worst=worst,
        random=random,
        data=summarise_data(str(data.root), data.format, data.samples, data.classes, data.channels, data.findings),
        pretrained=_pretrained(loaded),
        config=to_dict(config),
        environment=read_record(folder / ENVIRONMENT),
        seconds=loop.state.seconds,
    )
    write_report(folder / "report.html", inputs)
    return summary


def _keep_best(loop: Loop, config: FitConfig, data: Data, folder: Path, source: Source) -> Segmenter:
    average = loop.engine.average
    average.load_state_dict(load_best(loop.folder))
    info = ModelInfo(
        spec=average.spec,
        classes=data.classes,
        prep=loop.validator.prep,
        source=source,
        segue=segue.__version__,
        scores={"miou": loop.state.best_miou},
    )
    save_model(folder / MODEL, average, info)
    return Segmenter.load(folder / MODEL, device=config.train.device)


def _draw(folder: Path, evaluation: Evaluation, worst: tuple[Example, ...], random: tuple[Example, ...]) -> None:
    save_confusion(folder / "confusion.png", evaluation.matrix, evaluation.classes.names)
    save_examples(folder / "val_pred.jpg", random or worst, evaluation.classes)
    shutil.rmtree(folder / "worst", ignore_errors=True)  # a resumed run may have drawn others before
    save_worst(folder / "worst", worst, evaluation.classes)


def _pretrained(loaded: dict[str, Any]) -> dict[str, str]:
    source = loaded["source"]
    facts = {"source": source["name"], "licence": source["licence"], "loaded": loaded["summary"]}
    optional = {"sha256": source["sha256"], "page": source["url"]}
    return facts | {name: value for name, value in optional.items() if value}


def reproducing_command(config: FitConfig) -> str:
    """The command line that gives this run again: every option that differs from its default."""
    words = ["segue", "fit", *(str(path) for path in config.paths)]
    words += _options(to_dict(config), to_dict(FitConfig()), "")
    return " ".join(shlex.quote(word) for word in words)


def _options(values: dict[str, Any], defaults: dict[str, Any], prefix: str) -> list[str]:
    words: list[str] = []
    for name, value in values.items():
        if isinstance(value, dict):
            words += _options(value, defaults[name], f"{name}.")
        elif value != defaults[name] and name not in ("paths", "out", "json", "resume", "config", "dry_run"):
            words += _option("--" + (prefix + name).replace("_", "-"), name, value)
    return words


def _option(flag: str, name: str, value: Any) -> list[str]:  # noqa: ANN401
    if isinstance(value, bool):
        return [flag if value else flag.replace("--", "--no-", 1)]
    if isinstance(value, list):
        return [flag, ("x" if name in ("size", "scale") else ",").join(str(part) for part in value)]
    return [flag, str(value)]
