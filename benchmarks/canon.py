"""Decoders, losses, transfer modes, augmentations and optimisers on CamVid, each trained alike; one JSON line per run.

    python benchmarks/canon.py CAMVID WEIGHTS.pth --table losses --seeds 0 1 --out canon.jsonl
    python benchmarks/canon.py --show canon.jsonl --picture curve.png

CAMVID is the data set in the SegNet layout, WEIGHTS timm's mobilenetv2_100 trained on ImageNet. A run that stands in
the file already is not repeated, also when another table needed it, so the command can be stopped and given again;
`--part 1/2` takes every second run. `--show` prints the tables of canon.md, `--picture` draws its curve.
"""

import argparse
import dataclasses
import json
import os
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from jobs import add_options, part_of, read, run_missing

IMAGES = (25, 50, 100, 367)  # training images of the curve
FEW, ALL = 100, 367
CURVE = ("scratch", "frozen", "staged", "full")
LONG_CURVE = ("scratch", "frozen", "staged")
TABLES = ("decoders", "losses", "transfer", "augmentation", "optimisation", "curve", "long_curve")
BATCH, SIZE = 8, (160, 224)
STEPS = {
    **{"decoders": 60, "losses": 60, "augmentation": 60, "optimisation": 60},
    **{"transfer": 125, "curve": 125, "long_curve": 250},
}

Options = dict[str, dict[str, object]]


@dataclass(frozen=True)
class Run:
    """One training: the name of its row, and what differs from the common options."""

    name: str
    options: Options
    images: int
    steps: int

    def key(self, seed: int) -> str:
        """What tells this run from all others: everything that can change its result."""
        return json.dumps([self.options, self.images, self.steps, seed], sort_keys=True)


def planned(table: str) -> list[Run]:
    """The runs of a table, in the order of the product's own tables."""
    tables = {
        "curve": _curve,
        "long_curve": _long_curve,
        "losses": _losses,
        "decoders": _decoders,
        "transfer": _transfer,
        "augmentation": _augmentation,
        "optimisation": _optimisation,
    }
    return tables[table]()


def _mode(mode: str, **more: object) -> Options:
    return {"transfer": {"mode": mode, **more}}


def _curve() -> list[Run]:
    return [Run(mode, _mode(mode), images, STEPS["curve"]) for images in IMAGES for mode in CURVE]


def _long_curve() -> list[Run]:
    """With decoder and rate as `segue fit` chooses them for this encoder."""
    decoder: Options = {"model": {"decoder": "segformer"}}
    return [
        Run(mode, {**decoder, **_mode(mode, encoder_rate=1.0)}, images, STEPS["long_curve"])
        for images in IMAGES
        for mode in LONG_CURVE
    ]


FULL = _mode("full")  # of losses and decoders: everything trains all along, whatever the default is


def _losses() -> list[Run]:
    from segue.configs import OptimConfig
    from segue.losses import LOSSES

    names = (*LOSSES, "ce + jaccard", "ce + dice")
    default = OptimConfig().loss
    options = [FULL if name == default else {"optim": {"loss": name}, **FULL} for name in names]
    return [Run(name, option, ALL, STEPS["losses"]) for name, option in zip(names, options, strict=True)]


# networks that MobileNetV2's ImageNet weights do not fit start from random weights, and the table says so
OWN_ENCODER = {"unet_classic": "double_conv", "segnet": "vgg16_bn", "ddrnet": "ddrnet23_slim"}


def _decoders() -> list[Run]:
    from segue.configs import DECODER
    from segue.models.decoders import DECODERS

    runs = []
    for name in DECODERS:
        options: Options = FULL if name == DECODER else {"model": {"decoder": name}, **FULL}
        if name in OWN_ENCODER:
            options = {"model": {"decoder": name, "encoder": OWN_ENCODER[name]}, **_mode("scratch")}
            name += f" on {OWN_ENCODER[name]}, from scratch"
        runs.append(Run(name, options, ALL, STEPS["decoders"]))
    runs.append(Run("unet, from scratch", _mode("scratch"), ALL, STEPS["decoders"]))
    return runs


def _transfer() -> list[Run]:
    from segue.configs import TRANSFER_MODES

    modes = [(mode, _mode(mode)) for mode in TRANSFER_MODES]
    modes.append(("staged, l2sp 3", _mode("staged", l2sp=3.0)))
    modes.append(("staged, interpolate auto", _mode("staged", interpolate="auto")))
    return [Run(name, options, FEW, STEPS["transfer"]) for name, options in modes]


NOTHING: dict[str, object] = {"scale": (1.0, 1.0), "flip": 0.0, "colour": 0.0}
# each alone on top of nothing, about as strong as the presets have it
AUGMENTED: dict[str, object] = {
    "scale": (0.5, 1.0),
    "rare_crops": 0.33,
    "flip": 0.5,
    "flip_vertical": 0.5,
    "quarter_turn": 0.75,
    "rotate": 15.0,
    "elastic": 0.5,
    "grid": 0.3,
    "mosaic": 0.5,
    "copy_paste": 0.5,
    "cutmix": 0.5,
    "fda": 0.5,
    "histogram": 0.5,
    "colour": 0.3,
    "hue": 0.05,
    "blur": 0.2,
    "noise": 0.2,
    "jpeg": 0.2,
    "cutout": 0.5,
}


def _augmentation() -> list[Run]:
    from segue.presets import PRESETS

    rows: list[tuple[str, dict[str, object]]] = [("nothing", NOTHING), ("the defaults", {})]
    rows += [(name, {**NOTHING, name: value}) for name, value in AUGMENTED.items()]
    rows += [(f"preset {name}", {"preset": name}) for name in PRESETS]
    return [Run(name, {"augment": values, **FULL}, FEW, STEPS["augmentation"]) for name, values in rows]


# what differs from the defaults; rates as docs/reference/canon/transfer.md advises for each optimiser
OPTIMISED: dict[str, Options] = {
    "the defaults": {},
    "adam": {"optim": {"optimizer": "adam", "weight_decay": 1e-4}},
    "sgd": {"optim": {"optimizer": "sgd", "lr": 0.05, "nesterov": True, "weight_decay": 1e-4}},
    "rmsprop": {"optim": {"optimizer": "rmsprop", "lr": 5e-4, "weight_decay": 1e-4}},
    "cosine": {"optim": {"schedule": "cosine"}},
    "one-cycle": {"optim": {"schedule": "one-cycle"}},
    "step": {"optim": {"schedule": "step"}},
    "plateau": {"optim": {"schedule": "plateau"}},
    "constant": {"optim": {"schedule": "constant"}},
    "no class weights": {"optim": {"class_weights": 0.0}},
    "no averaged weights": {"optim": {"ema": 0.0}},
    "no clipping": {"optim": {"clip_norm": 0.0}},
    "dropout 0.1": {"model": {"dropout": 0.1}},
    "drop path 0.1": {"model": {"drop_path": 0.1}},
    "float32": {"train": {"precision": "fp32"}},
}


def _optimisation() -> list[Run]:
    return [Run(name, {**options, **FULL}, ALL, STEPS["optimisation"]) for name, options in OPTIMISED.items()]


def subset(camvid: Path, images: int, folder: Path) -> Path:
    """A copy of CamVid in `folder` with some of the training images, evenly spread, and all validation images."""
    if images == ALL:
        return camvid
    folder.mkdir()
    shutil.copytree(camvid / "val", folder / "val")
    shutil.copytree(camvid / "valannot", folder / "valannot")
    names = sorted(path.stem for path in (camvid / "train").iterdir())
    chosen = {names[round(i * (len(names) - 1) / (images - 1))] for i in range(images)}
    for part in ("train", "trainannot"):
        (folder / part).mkdir()
        for path in (camvid / part).iterdir():
            if path.stem in chosen:
                shutil.copy(path, folder / part)
    return folder


def train(run: Run, seed: int, camvid: Path, weights: Path) -> dict[str, object]:
    """Fit in a temporary folder; the row to write."""
    from segue.commands import fit
    from segue.configs import AugmentConfig, DataConfig, FitConfig, ModelConfig, OptimConfig, TrainConfig
    from segue.models.artifact import load_model

    config = FitConfig(
        steps=run.steps,
        seed=seed,
        configure=False,  # runs differ in what they are named for, and in nothing else
        data=DataConfig(size=SIZE, workers=0),
        model=ModelConfig(weights=str(weights)),
        optim=OptimConfig(batch=BATCH),
        train=TrainConfig(threads=1, validations=2, patience=1),
    )
    for part, values in run.options.items():
        if part == "transfer" and values.get("mode") == "scratch":
            config = dataclasses.replace(config, model=dataclasses.replace(config.model, weights="hub"))
        # a preset fills in what was not given, so it has to be there when the group is made
        group = AugmentConfig(**values) if part == "augment" else dataclasses.replace(getattr(config, part), **values)
        config = dataclasses.replace(config, **{part: group})
    with tempfile.TemporaryDirectory() as folder:
        data = subset(camvid, run.images, Path(folder) / "data")
        clock = time.process_time()
        result = fit.run(dataclasses.replace(config, paths=(data,), out=Path(folder) / "run"))
        seconds = time.process_time() - clock
        model, _ = load_model(Path(folder) / "run")
    evaluation = result.evaluation
    return {
        "key": run.key(seed),
        "name": run.name,
        "images": run.images,
        "steps": run.steps,
        "seed": seed,
        "miou": evaluation["miou"],
        "interval": evaluation["interval"],
        "classes": {row["name"]: row["iou"] for row in evaluation["classes"]},
        "cpu_seconds": round(seconds, 1),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }


def show(rows: dict[str, dict], seeds: list[int]) -> str:
    """The tables in Markdown: mean over the seeds, and the 95 % interval over images of each seed."""
    text = []
    for table in TABLES:
        intervals = " | ".join(f"seed {seed} (95 % interval)" for seed in seeds)
        text += [
            f"### {table}",
            "",
            f"| | images | mean mIoU | {intervals} | CPU s | M parameters |",
            "| --- | --- | --- |" + " --- |" * (len(seeds) + 2),
        ]
        for run in planned(table):
            cells = [rows.get(run.key(seed)) for seed in seeds]
            found = [row for row in cells if row]
            if found:
                text.append(_line(run, cells, found))
        text.append("")
    return "\n".join(text)


def _line(run: Run, cells: list[dict | None], found: list[dict]) -> str:
    mean = statistics.mean(row["miou"] for row in found)
    cost = statistics.median(row["cpu_seconds"] for row in found)
    intervals = " | ".join("–" if row is None else _interval(row) for row in cells)
    return (
        f"| `{run.name}` | {run.images} | {mean:.3f} | {intervals} | {cost:.0f} | {found[0]['parameters'] / 1e6:.2f} |"
    )


def _interval(row: dict) -> str:
    return "{:.3f} ({:.3f}–{:.3f})".format(row["miou"], *row["interval"])


def picture(rows: dict[str, dict], seeds: list[int], path: Path) -> None:
    """Draw mIoU against the number of training images: a line through the seeds' means, a dot for each seed."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    tables = {"curve": "U-Net, encoder at 0.1 of the rate", "long_curve": "SegFormer decoder, encoder at the full rate"}
    figure, both = pyplot.subplots(1, 2, figsize=(9.6, 4.0), layout="constrained", sharey=True)
    for axes, (table, title) in zip(both, tables.items(), strict=True):
        for mode, colour in zip(CURVE, ("#888888", "#1f77b4", "#d62728", "#2ca02c"), strict=True):
            _draw_mode(axes, [run for run in planned(table) if run.name == mode], rows, seeds, colour)
        axes.set_xscale("log")
        axes.set_xticks(IMAGES, [str(images) for images in IMAGES], minor=False)
        axes.minorticks_off()
        axes.set_xlabel("labelled images to train on")
        axes.set_title(f"{title}: {STEPS[table]} steps", fontsize=10)
        axes.grid(alpha=0.3)
    both[0].set_ylim(0)
    both[0].set_ylabel("mIoU on 101 other images")
    both[0].legend(loc="lower right")
    figure.suptitle(f"CamVid, MobileNetV2, batches of {BATCH} crops of {SIZE[0]}x{SIZE[1]}", fontsize=10)
    figure.savefig(path, dpi=150)


def _draw_mode(axes, runs: list[Run], rows: dict[str, dict], seeds: list[int], colour: str) -> None:
    found = [(run.images, [rows[run.key(seed)]["miou"] for seed in seeds if run.key(seed) in rows]) for run in runs]
    points = [(images, statistics.mean(values)) for images, values in found if values]
    if points:
        axes.plot(*zip(*points, strict=True), color=colour, label=runs[0].name)
    for images, values in found:
        axes.plot([images] * len(values), values, "o", color=colour, markersize=4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("camvid", type=Path, nargs="?")
    parser.add_argument("weights", type=Path, nargs="?")
    parser.add_argument("--table", choices=TABLES, default="curve")
    parser.add_argument("--only", nargs="*", help="rows of the table, by name")
    add_options(parser, "canon.jsonl")
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    if given.show:
        rows = {row["key"]: row for row in read(given.show)}
        print(show(rows, given.seeds))
        if given.picture:
            picture(rows, given.seeds, given.picture)
        return
    runs = part_of([(run, seed) for seed in given.seeds for run in planned(given.table)], given.part)
    wanted = [(run, seed) for run, seed in runs if not given.only or run.name in given.only]
    jobs = [(run.key(seed), partial(train, run, seed, given.camvid, given.weights)) for run, seed in wanted]
    run_missing(jobs, given.out, lambda row: row["key"])


if __name__ == "__main__":
    main()
