"""`segue demo`: what transfer is worth, shown on generated scenes: from scratch, frozen, transferred."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from segue.commands import fit
from segue.configs import DataConfig, DemoConfig, FitConfig, ModelConfig, TrainConfig, TransferConfig
from segue.console import duration, progress_bar
from segue.data.formats import open_index
from segue.data.loader import read_sample
from segue.demo.dataset import class_table, write_dataset
from segue.demo.page import Row, render
from segue.demo.picture import Strip, comparison
from segue.demo.pretrained import WEIGHTS, card
from segue.durable import make_folder, make_numbered, write_text
from segue.errors import RunTakenError
from segue.infer.segmenter import Segmenter
from segue.metrics.phrases import figure

DOMAIN = "target"
RUNS = {"from scratch": "scratch", "frozen": "frozen", "transferred": "staged"}  # title: transfer mode
HELD_OUT = 120  # scenes that every run is scored on
VALIDATIONS = 5
SHOWN = 4  # scenes in the picture
ENCODER_RATE = 1.0  # summer and winter are far apart: the encoder has to move as fast as the decoder


@dataclass(frozen=True)
class DemoResult:
    """The three runs, in the order of `RUNS`, and the files that show them."""

    rows: tuple[Row, ...]
    report: Path
    picture: Path
    seconds: float
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        rows = [
            {"name": r.name, "miou": r.miou, "interval": list(r.interval), "seconds": r.seconds, "run": str(r.run)}
            for r in self.rows
        ]
        return {
            "rows": rows,
            "n_images": self.rows[0].evaluation["n_images"],
            "report": str(self.report),
            "picture": str(self.picture),
            "seconds": self.seconds,
        }

    def lines(self) -> list[str]:
        """The result for people."""
        scratch, transferred = self.rows[0], self.rows[-1]
        table = [
            f"{row.name:<14} {figure(row.miou):^5}   {row.span()}   {duration(row.seconds):>7}" for row in self.rows
        ]
        return [
            f"{'':<14}  mIoU   95 % interval      time",
            *table,
            f"transfer changes the mIoU by {_points(scratch.miou, transferred.miou)} points on "
            f"{scratch.evaluation['n_images']} validation scenes; {duration(self.seconds)} in all",
            f"report: {self.report}",
        ]


def _points(before: float | None, after: float | None) -> str:
    return "an unknown number of" if before is None or after is None else f"{100 * (after - before):+.1f}"


def run(config: DemoConfig) -> DemoResult:
    """Generate the data, train three times, compare; see `DemoConfig` for the options.

    Raises `RunTakenError` when `out` holds something already, and what a fit raises.
    """
    began = time.perf_counter()
    out = _new_folder(config.out)
    data = out / "data"
    with progress_bar("generating scenes") as update:
        write_dataset(data, DOMAIN, config.seed, config.images, HELD_OUT, update)
    rows = tuple(_train(config, data, out, name) for name in RUNS)
    sheet = _draw(data, rows)
    Image.fromarray(sheet).save(out / "demo.png", optimize=True)
    links = {row.name: f"{row.run.name}/report.html" for row in rows}
    facts = {key: str(value) for key, value in card().items()}
    write_text(out / "report.html", render(rows, sheet, class_table(DOMAIN), facts, config.images, links))
    return DemoResult(rows, out / "report.html", out / "demo.png", time.perf_counter() - began)


def _new_folder(out: Path) -> Path:
    """Make `out`; the default name gets a number when it is taken, so that the demonstration can be repeated."""
    if out == DemoConfig().out and out.exists():
        return make_numbered(out, first=2)
    make_folder(out)
    if any(out.iterdir()):
        raise RunTakenError(f"{out}: expected a new or empty folder, it holds files: use another --out")
    return out


def _train(config: DemoConfig, data: Path, out: Path, name: str) -> Row:
    result = fit.run(
        FitConfig(
            paths=(data,),
            out=out / name.replace(" ", "-"),
            steps=config.steps,
            seed=config.seed,
            configure=False,  # the three rows differ in their weights and modes, and in nothing else
            data=DataConfig(names=class_table(DOMAIN).names),
            model=ModelConfig(encoder=card()["encoder"], decoder="unet", weights=str(WEIGHTS)),
            transfer=TransferConfig(mode=RUNS[name], encoder_rate=ENCODER_RATE),
            # at 96x128 threads cost more than they bring: 60 steps take 14 s with one, 20 s with two (two cores)
            train=TrainConfig(validations=VALIDATIONS, patience=1, threads=1),
        )
    )
    assert result.run is not None, "a fit that is no dry run has a folder"
    return Row(name, result.run, result.evaluation, result.seconds, _history(result.run))


def _history(folder: Path) -> tuple[tuple[float, float], ...]:
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple((row["step"], row["val_miou"]) for row in map(json.loads, lines))


def _draw(data: Path, rows: tuple[Row, ...]) -> UInt8[np.ndarray, "rows columns 3"]:
    classes = class_table(DOMAIN)
    segmenters = [Segmenter.load(row.run, device="cpu") for row in rows]
    strips = []
    for sample in open_index((data,)).of("val")[:SHOWN]:
        pixels, truth = read_sample(sample, classes, segmenters[0].info.prep)
        strips.append(Strip(pixels, truth, tuple(one.predict(pixels).mask for one in segmenters)))
    return comparison(strips, [row.name for row in rows], classes)
