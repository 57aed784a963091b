"""`segue lr-find`: which learning rate to begin with, tried on a throwaway copy of the network."""

from __future__ import annotations

import dataclasses
import json
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segue.configs import FitConfig, LrFindConfig
from segue.console import duration, progress_bar
from segue.conversion import to_dict
from segue.data.loader import batches
from segue.data.prepare import prepare
from segue.durable import make_folder, write_text
from segue.errors import UsageError
from segue.models.origin import require_commercial
from segue.models.sources.choice import as_source_says
from segue.report.plots import save_rate_curve
from segue.train.range_test import Curve, Suggestion, range_test, smoothed, suggest
from segue.train.resolve import resolve
from segue.train.start import check, start

_SHARED = ("data", "model", "transfer", "optim", "augment", "train")


@dataclass(frozen=True)
class LrFindResult:
    """The curve, what it suggests, and where both were written; a dry run has neither."""

    curve: Curve
    suggestion: Suggestion
    config: FitConfig
    out: Path | None
    seconds: float
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types: the content of lr_find.json, and the folder."""
        return {
            "lr": self.suggestion.lr,
            **dataclasses.asdict(self.suggestion),
            "rates": list(self.curve.rates),
            "losses": list(self.curve.losses),
            "seconds": self.seconds,
            "config": to_dict(self.config),
            "out": str(self.out) if self.out else None,
        }

    def lines(self) -> list[str]:
        """The result for people."""
        if self.out is None:
            return ["data and options are in order; dry run: nothing was computed"]
        said, files = self.suggestion, [f"curve: {self.out / 'lr_find.png'}"]
        if said.lr is None or said.steepest is None or said.safe is None:
            advice = "raise --highest, or --steps, or --optim.batch" if self.curve.ended is None else "lower --lowest"
            return [f"the loss did not fall at any rate: {advice}", *files]
        upper = f"falls apart at {said.diverged:.2g}" if said.diverged else "holds at every rate that was tried"
        return [
            f"steepest descent at {said.steepest:.2g}; training {upper}, so {said.safe:.2g} is safe "
            f"({len(self.curve.rates)} steps, {duration(self.seconds)})",
            *files,
            f"use it: segue fit … --optim.lr {said.lr:.2g}{self._encoder_rate(said.lr)}",
        ]

    def _encoder_rate(self, lr: float) -> str:
        """The encoder's rate of its own, at the share of the decoder's that was tried; empty where it has none."""
        own = self.config.optim.encoder_lr
        return "" if own is None else f" --optim.encoder-lr {lr * own / self.config.optim.lr:.2g}"


def run(config: LrFindConfig) -> LrFindResult:
    """Run the range test; see `LrFindConfig` for the options. Nothing but `config.out` is written.

    Raises what `segue fit` raises before its first step, and `TrainingStoppedError` when memory is too small.
    """
    if not config.paths:
        raise UsageError("expected a folder with images and masks, got none: segue lr-find DATA")
    config = dataclasses.replace(config, model=as_source_says(config.model))
    if config.commercial:
        require_commercial(config.model.encoder, None if config.transfer.mode == "scratch" else config.model.weights)
    began = time.perf_counter()
    groups = {name: getattr(config, name) for name in _SHARED}
    fit = FitConfig(config.paths, steps=config.steps, seed=config.seed, commercial=config.commercial, **groups)
    with progress_bar("examining the data") as update:
        data = prepare(fit.paths, fit.data, fit.seed, update)
    fit = resolve(fit, data)
    if config.dry_run:
        check(fit, data)
        return LrFindResult(Curve((), ()), Suggestion(None, None, None), fit, None, time.perf_counter() - began)
    make_folder(config.out)
    loop = start(fit, data, began).loop
    rates = np.geomspace(config.lowest, config.highest, config.steps).tolist()
    stream = batches(loop.data, fit.optim.batch, 0, loop.workers)
    with closing(stream), progress_bar("trying rates") as update:  # type: ignore[type-var]  # a generator
        curve = range_test(loop.engine, stream, rates, update)
    suggestion = suggest(curve, config.steps)
    result = LrFindResult(curve, suggestion, fit, config.out, time.perf_counter() - began)
    _write(result, config)
    return result


def _write(result: LrFindResult, config: LrFindConfig) -> None:
    write_text(config.out / "lr_find.json", json.dumps(result.to_json(), indent=1))
    said, curve = result.suggestion, result.curve
    if curve.rates:
        named = {"steepest": said.steepest, "safe": said.safe, "too high": said.diverged}
        marks = {name: rate for name, rate in named.items() if rate is not None}
        smooth = smoothed(curve.losses, config.steps).tolist()
        save_rate_curve(config.out / "lr_find.png", curve.rates, curve.losses, smooth, marks)
