"""Every decoder, loss and transfer mode on CamVid, each trained alike; appends one JSON line per run.

    python benchmarks/canon.py CAMVID WEIGHTS.pth --table losses --seeds 0 1 --out canon.jsonl
    python benchmarks/canon.py --show canon.jsonl

CAMVID is the data set in the SegNet layout, WEIGHTS timm's mobilenetv2_100 trained on ImageNet. A run that stands in
the file already is not repeated, so the command can be stopped and given again; `--part 1/2` takes every second run.
`--show` prints the tables of canon.md.
"""

import argparse
import dataclasses
import json
import os
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

IMAGES = (25, 50, 100, 367)  # training images of the curve
CURVE = ("scratch", "frozen", "staged", "full")
STEPS, BATCH, SIZE = 125, 8, (160, 224)


@dataclass(frozen=True)
class Run:
    """One training: the table and row it belongs to, and the options that differ from the common ones."""

    table: str
    name: str
    options: dict[str, dict[str, object]] = field(default_factory=dict)
    images: int = 367


def planned(table: str) -> list[Run]:
    """The runs of a table, in the order of the product's own tables."""
    return {"curve": _curve, "losses": _losses, "decoders": _decoders, "transfer": _transfer}[table]()


def _curve() -> list[Run]:
    return [Run("curve", mode, {"transfer": {"mode": mode}}, images) for images in IMAGES for mode in CURVE]


def _losses() -> list[Run]:
    from segue.losses import LOSSES

    return [Run("losses", name, {"optim": {"loss": name}}) for name in (*LOSSES, "ce + jaccard", "ce + dice")]


# networks that MobileNetV2's ImageNet weights do not fit start from random weights, and the table says so
OWN_ENCODER = {"unet_classic": "double_conv", "segnet": "vgg16_bn", "ddrnet": "ddrnet23_slim"}


def _decoders() -> list[Run]:
    from segue.models.decoders import DECODERS

    runs = []
    for name in DECODERS:
        options: dict[str, dict[str, object]] = {"model": {"decoder": name}}
        if name in OWN_ENCODER:
            options = {"model": {"decoder": name, "encoder": OWN_ENCODER[name]}, "transfer": {"mode": "scratch"}}
        runs.append(Run("decoders", name, options))
    runs.append(Run("decoders", "unet (scratch)", {"transfer": {"mode": "scratch"}}))
    return runs


def _transfer() -> list[Run]:
    from segue.configs import TRANSFER_MODES

    return [Run("transfer", mode, {"transfer": {"mode": mode}}, 100) for mode in TRANSFER_MODES]


def subset(camvid: Path, images: int, folder: Path) -> Path:
    """A copy of CamVid in `folder` with some of the training images, evenly spread, and all validation images."""
    if images == 367:
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
    from segue.configs import DataConfig, FitConfig, ModelConfig, OptimConfig, TrainConfig
    from segue.models.artifact import load_model

    config = FitConfig(
        steps=STEPS,
        seed=seed,
        data=DataConfig(size=SIZE, workers=0),
        model=ModelConfig(weights=str(weights)),
        optim=OptimConfig(batch=BATCH),
        train=TrainConfig(threads=1, validations=2, patience=1),
    )
    for part, values in run.options.items():
        if part == "transfer" and values.get("mode") == "scratch":
            config = dataclasses.replace(config, model=dataclasses.replace(config.model, weights="hub"))
        config = dataclasses.replace(config, **{part: dataclasses.replace(getattr(config, part), **values)})
    with tempfile.TemporaryDirectory() as folder:
        data = subset(camvid, run.images, Path(folder) / "data")
        clock = time.process_time()
        result = fit.run(dataclasses.replace(config, paths=(data,), out=Path(folder) / "run"))
        seconds = time.process_time() - clock
        model, _ = load_model(Path(folder) / "run")
    evaluation = result.evaluation
    return {
        "table": run.table,
        "name": run.name,
        "images": run.images,
        "seed": seed,
        "miou": evaluation["miou"],
        "interval": evaluation["interval"],
        "classes": {row["name"]: row["iou"] for row in evaluation["classes"]},
        "cpu_seconds": round(seconds, 1),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "steps": STEPS,
        "batch": BATCH,
        "size": SIZE,
    }


def done(path: Path) -> list[dict]:
    """The rows written so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def show(rows: list[dict]) -> str:
    """The tables in Markdown: mean over the seeds, and the 95 % interval over images of each seed."""
    text = []
    for table in dict.fromkeys(row["table"] for row in rows):
        groups: dict[tuple[str, int], list[dict]] = defaultdict(list)
        for row in rows:
            if row["table"] == table:
                groups[row["name"], row["images"]].append(row)
        seeds = sorted({row["seed"] for row in rows if row["table"] == table})
        text += [
            f"### {table}",
            "",
            "| | images | mean mIoU | "
            + " | ".join(f"seed {seed} (95 % interval)" for seed in seeds)
            + " | CPU s | M parameters |",
            "| --- | --- | --- |" + " --- |" * (len(seeds) + 2),
        ]
        for (name, images), same in groups.items():
            by_seed = {row["seed"]: row for row in same}
            cells = " | ".join(_cell(by_seed.get(seed)) for seed in seeds)
            mean = statistics.mean(row["miou"] for row in same)
            cost = statistics.median(row["cpu_seconds"] for row in same)
            text.append(
                f"| `{name}` | {images} | {mean:.3f} | {cells} | {cost:.0f} | {same[0]['parameters'] / 1e6:.2f} |"
            )
        text.append("")
    return "\n".join(text)


def _cell(row: dict | None) -> str:
    return "–" if row is None else "{:.3f} ({:.3f}–{:.3f})".format(row["miou"], *row["interval"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("camvid", type=Path, nargs="?")
    parser.add_argument("weights", type=Path, nargs="?")
    parser.add_argument("--table", choices=("curve", "losses", "decoders", "transfer"), default="curve")
    parser.add_argument("--only", nargs="*", help="rows of the table, by name")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--part", default="1/1", help="1/2 takes the first of every two runs")
    parser.add_argument("--out", type=Path, default=Path("canon.jsonl"))
    parser.add_argument("--show", type=Path)
    given = parser.parse_args()
    if given.show:
        print(show(done(given.show)))
        return
    part, parts = (int(number) for number in given.part.split("/"))
    jobs = [(run, seed) for seed in given.seeds for run in planned(given.table)]
    for run, seed in jobs[part - 1 :: parts]:
        key = (run.table, run.name, run.images, seed)
        if given.only and run.name not in given.only:
            continue
        if key in {(row["table"], row["name"], row["images"], row["seed"]) for row in done(given.out)}:
            continue
        line = json.dumps(train(run, seed, given.camvid, given.weights))
        print(line, flush=True)
        with given.out.open("a") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    main()
