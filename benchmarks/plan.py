"""How far is what `segue fit` decides by itself from the best that a search finds? One JSON line per training.

    python benchmarks/plan.py DATA WEIGHTS.pth --images 1600 --seeds 0 --out plan.jsonl
    python benchmarks/plan.py --show plan.jsonl

DATA is any data set that `segue fit` takes, WEIGHTS timm's mobilenetv2_100 trained on ImageNet. The configuration is
decided as `segue fit` does it, then trained; so is the plain default (`--no-configure`), and so is every variant, which
changes one thing in it. All see as many images (`--images`) in crops of at most `--pixels`, the same training and
validation images, and are scored alike. A training that stands in the file is not repeated; `--part 1/2` takes every
second one.
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

from jobs import add_options, part_of, read, run_missing

os.environ.setdefault("OMP_NUM_THREADS", "1")

PLANNED, PLAIN = "as planned", "plain default"
Options = dict[str, dict[str, object]]
# each changes one thing of the plan
VARIANTS: dict[str, Options] = {
    "unet": {"model": {"decoder": "unet"}},
    "unet, rate 0.3": {"model": {"decoder": "unet"}, "transfer": {"encoder_rate": 0.3}},
    "unet, rate 0.1": {"model": {"decoder": "unet"}, "transfer": {"encoder_rate": 0.1}},
    "fpn, rate 0.3": {"model": {"decoder": "fpn"}, "transfer": {"encoder_rate": 0.3}},
    "segformer, rate 0.3": {"model": {"decoder": "segformer"}, "transfer": {"encoder_rate": 0.3}},
    "frozen": {"transfer": {"mode": "frozen"}},
    "staged": {"transfer": {"mode": "staged"}},
    "head phase 0.25": {"transfer": {"mode": "staged", "head_fraction": 0.25}},
    "ce + lovasz": {"optim": {"loss": "ce + lovasz"}},
    "ce + dice": {"optim": {"loss": "ce + dice"}},
    "no class weights": {"optim": {"class_weights": 0.0}},
    "half the rate": {"optim": {"lr": 0.5}},  # a factor
    "twice the rate": {"optim": {"lr": 2.0}},
    "scale 0.25 to 0.5": {"augment": {"scale": (0.25, 0.5)}},
    "scale 0.3 to 0.7": {"augment": {"scale": (0.3, 0.7)}},
    "scale 0.4 to 0.8": {"augment": {"scale": (0.4, 0.8)}},
    "rare crops": {"augment": {"rare_crops": 0.33}},
    "all flips": {"augment": {"flip_vertical": 0.5, "quarter_turn": 0.75}},
}


def decided(data: Path, weights: Path, mask_name: str, pixels: int | None, seed: int):
    """The configuration `segue fit` decides on, the fixed defaults, and the data both are trained on."""
    from segue.commands.fit import _ready
    from segue.configs import DataConfig, FitConfig, ModelConfig, TrainConfig
    from segue.planning.planner import options_that_differ
    from segue.train.resolve import default_size, resolve

    config = FitConfig(
        paths=(data,),
        seed=seed,
        data=DataConfig(workers=0, mask_name=mask_name),
        model=ModelConfig(weights=str(weights), encoder="mobilenetv2_100"),
        train=TrainConfig(threads=1, validations=2, patience=1),
    )
    planned, prepared, _ = _ready(config, options_that_differ(config))
    plain = resolve(config, prepared)
    if pixels is not None:
        size = default_size(prepared.sizes, pixels, config.augment.scale)
        planned, plain = (
            dataclasses.replace(one, data=dataclasses.replace(one.data, size=size)) for one in (planned, plain)
        )
    return planned, plain, prepared


def varied(config, options: Options):
    """A configuration with some options changed; a rate is a factor on the one it had."""
    for part, values in options.items():
        group = getattr(config, part)
        scaled = {name: group.lr * value if name == "lr" else value for name, value in values.items()}
        config = dataclasses.replace(config, **{part: dataclasses.replace(group, **scaled)})
    return config


def train(name: str, config, data, images: int, seed: int) -> dict[str, object]:
    """Fit in a temporary folder; the row to write."""
    from segue.commands.fit import train_on

    steps = max(1, images // config.optim.batch)
    clock = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        own = dataclasses.replace(config, steps=steps, out=Path(folder) / "run")
        evaluation = train_on(own, data, time.perf_counter()).evaluation
    return {
        "data": data.root.name,
        "name": name,
        "seed": seed,
        "images": images,
        "steps": steps,
        "size": list(config.data.size),
        "miou": evaluation["miou"],
        "interval": evaluation["interval"],
        "classes": {row["name"]: row["iou"] for row in evaluation["classes"]},
        "cpu_seconds": round(time.process_time() - clock, 1),
    }


def show(rows: list[dict]) -> str:
    """For each data set: every configuration by its mean, and how far the plan is behind the best and the plain one."""
    text, tables = [], defaultdict(lambda: defaultdict(list))
    for row in rows:
        tables[row["data"]][row["name"]].append(row)
    for data, named in tables.items():
        means = {name: statistics.mean(row["miou"] for row in found) for name, found in named.items()}
        text += [f"### {data}", "", "| | mIoU | by seed | CPU s |", "| --- | --- | --- | --- |"]
        for name in sorted(means, key=lambda name: -means[name]):
            seeds = ", ".join(f"{row['miou']:.3f}" for row in sorted(named[name], key=lambda row: row["seed"]))
            cost = statistics.mean(row["cpu_seconds"] for row in named[name])
            text.append(f"| {name} | {means[name]:.3f} | {seeds} | {cost:.0f} |")
        if PLANNED in means:
            best = max(means, key=lambda name: means[name])
            text += ["", f"Regret of the plan: {100 * (means[best] - means[PLANNED]):.1f} points, beside `{best}`."]
        text.append("")
    return "\n".join(text)


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """What `decided` takes from the command line, and the length of a training."""
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("weights", type=Path, nargs="?")
    parser.add_argument("--images", type=int, default=1600, help="images each training sees")
    parser.add_argument("--pixels", type=int, help="the most pixels of a crop; as decided when not given")
    parser.add_argument("--mask-name", default="", help="as --data.mask-name of segue fit")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data_options(parser)
    parser.add_argument("--only", nargs="*", help="configurations, by name")
    add_options(parser, "plan.jsonl")
    given = parser.parse_args()
    if given.show:
        print(show(read(given.show)))
        return
    for seed in given.seeds:
        planned, plain, data = decided(given.data, given.weights, given.mask_name, given.pixels, seed)
        configs = {PLANNED: planned, PLAIN: plain, **{name: varied(planned, o) for name, o in VARIANTS.items()}}
        wanted = [name for name in part_of(list(configs), given.part) if not given.only or name in given.only]
        jobs = [
            ((data.root.name, name, seed, given.images), partial(train, name, configs[name], data, given.images, seed))
            for name in wanted
        ]
        run_missing(jobs, given.out, lambda row: (row["data"], row["name"], row["seed"], row["images"]))


if __name__ == "__main__":
    main()
