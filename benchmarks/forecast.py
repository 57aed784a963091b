"""How far off is the forecast at twice the labels? A learning curve from nested subsets; one JSON line per training.

    python benchmarks/forecast.py CAMVID WEIGHTS.pth --seeds 0 1 --out forecast.jsonl
    python benchmarks/forecast.py NUCLEI WEIGHTS.pth --seeds 0 1 --out forecast.jsonl
    python benchmarks/forecast.py --show forecast.jsonl

WEIGHTS is timm's mobilenetv2_100 trained on ImageNet. A data set of n training images is trained on n, n/2, n/4, n/8
and n/16 of them, always for `--steps` steps and scored on the same validation images. A training that stands in the
file is not repeated, so the command can be stopped and given again; `--part 1/2` takes every second one. `--show`
forecasts each size from those of a half, a quarter and an eighth of it, and prints how far off that was.
"""

import argparse
import dataclasses
import os
import statistics
import tempfile
import time
from collections import defaultdict
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from jobs import add_options, part_of, read, run_missing

HALVINGS, FEWEST = 4, 6
BATCH, SIZE = 8, (160, 224)


def sizes(images: int) -> list[int]:
    """All images, a half of them, a quarter, ...; none that teaches nothing."""
    return [n for n in (round(images / 2**i) for i in range(HALVINGS + 1)) if n >= FEWEST]


def fit_config(data: Path, weights: Path, steps: int):
    """What every training of a curve has in common; decoder and encoder's rate are what `segue fit` decides."""
    from segue.configs import DataConfig, FitConfig, ModelConfig, OptimConfig, TrainConfig, TransferConfig

    return FitConfig(
        paths=(data,),
        steps=steps,
        data=DataConfig(size=SIZE, workers=0),
        model=ModelConfig(encoder="mobilenetv2_100", weights=str(weights), decoder="segformer"),
        transfer=TransferConfig(encoder_rate=1.0),
        optim=OptimConfig(batch=BATCH),
        train=TrainConfig(threads=1, validations=2, patience=1),
    )


def train(config, data, images: int, seed: int) -> dict[str, object]:
    """Fit in a temporary folder; the row to write."""
    from segue.commands.fit import train_on
    from segue.commands.forecast import subset

    clock = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        own = dataclasses.replace(config, seed=seed, out=Path(folder) / "run")
        evaluation = train_on(own, subset(data, images, seed), time.perf_counter()).evaluation
    return {
        "data": data.root.name,
        "images": images,
        "seed": seed,
        "miou": evaluation["miou"],
        "interval": evaluation["interval"],
        "steps": config.steps,
        "cpu_seconds": round(time.process_time() - clock, 1),
    }


def show(rows: list[dict]) -> str:
    """For every data set a table in Markdown: the curve, and each size forecast from the three below it."""
    text = []
    for name in dict.fromkeys(row["data"] for row in rows):
        scores: dict[int, list[float]] = defaultdict(list)
        for row in rows:
            if row["data"] == name:
                scores[row["images"]].append(row["miou"])
        mious = {n: statistics.mean(scores[n]) for n in sorted(scores)}
        text += [f"**{name}**", "", "| images | seeds | mIoU | forecast | error | power law | error |"]
        text.append("| --- | --- | --- | --- | --- | --- | --- |")
        text += [_line(n, len(scores[n]), mious) for n in mious]
        text.append("")
    return "\n".join(text)


def _line(images: int, seeds: int, mious: dict[int, float]) -> str:
    from segue.trust.forecast import geometric, power_law

    below = [n for n in mious if n < images][-3:]
    cells = ["–"] * 4
    if len(below) == 3:
        known = [mious[n] for n in below]
        curves = (geometric(below, known), power_law(below, known))
        said = [None if curve is None else curve.at(images) for curve in curves]
        cells = [text for one in said for text in _cells(one, mious[images])]
    return f"| {images} | {seeds} | {mious[images]:.3f} | {' | '.join(cells)} |"


def _cells(forecast: float | None, true: float) -> tuple[str, str]:
    return ("–", "–") if forecast is None else (f"{forecast:.3f}", f"{forecast - true:+.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("weights", type=Path, nargs="?")
    parser.add_argument("--steps", type=int, default=250)
    add_options(parser, "forecast.jsonl")
    given = parser.parse_args()
    if given.show:
        print(show(read(given.show)))
        return
    from segue.data.prepare import prepare
    from segue.train.resolve import resolve

    config = fit_config(given.data, given.weights, given.steps)
    data = prepare(config.paths, config.data, 0, lambda share, name: None)
    config = resolve(config, data)
    wanted = part_of([(images, seed) for seed in given.seeds for images in sizes(len(data.of("train")))], given.part)
    jobs = [
        ((data.root.name, images, seed, given.steps), partial(train, config, data, images, seed))
        for images, seed in wanted
    ]
    run_missing(jobs, given.out, lambda row: (row["data"], row["images"], row["seed"], row["steps"]))


if __name__ == "__main__":
    main()
