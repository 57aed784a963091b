"""Does the look of other pictures, as an augmentation, pay under a real shift? One JSON line per training.

    python benchmarks/style_augmentation.py demo WEIGHTS.pth --seeds 0 1 2 --out style_augmentation.jsonl
    python benchmarks/style_augmentation.py CAMVID WEIGHTS.pth --seeds 0 1 2 --out style_augmentation.jsonl
    python benchmarks/style_augmentation.py --show style_augmentation.jsonl

WEIGHTS is timm's mobilenetv2_100 trained on ImageNet. `demo` trains on generated harbours and tests on others whose
picture was given a colour cast, darkness, fog or noise; CAMVID, the data set in the SegNet layout, trains on its day
and tests on its dusk. No label of a target is trained on. The arms differ in `augment` alone: `none` has the defaults,
`own` takes styles from the training images, `lent` from unlabelled pictures that look like the target and are not
tested on; `net` has the style network paint half of the crops as those; `colour` has twice the usual change of colours
and no styles. A training that stands in the file is not repeated, so the command can be stopped and given again;
`--part 1/2` takes every second one.
"""

import argparse
import dataclasses
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from jobs import add_options, part_of, read, run_missing
from PIL import Image

STYLED = {"fda": 0.5, "histogram": 0.5}
ARMS: dict[str, dict[str, float]] = {
    "none": {},
    "own": STYLED,
    "lent": STYLED,
    "net": {"stylise": 0.5},
    "colour": {"colour": 0.6},
}
LENDING = ("lent", "net")  # arms whose styles are the unlabelled pictures
USUAL = ("none", "own", "lent")
STEPS, BATCH = 250, 8  # two minutes on two cores, as two processes train at once
SIZES = {"demo": (96, 128), "camvid": (160, 224)}
TRAIN, HELD_OUT, TESTED, LENT = 200, 40, 24, 60  # generated scenes; tested on and lent of each change
DUSK = "0001TP"


@dataclass(frozen=True)
class Shift:
    """What is trained on, the labelled samples of each target, and a folder of unlabelled pictures like them."""

    name: str
    data: object
    targets: dict[str, list]
    lent: Path


# --- generated: one world, four other looks --------------------------------------------------------------------------


def cast(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """White balance off by up to 40 % in red and blue."""
    return image * np.array([1 + random.uniform(-0.4, 0.4), 1.0, 1 + random.uniform(-0.4, 0.4)])


def dark(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One to two stops less light."""
    return image * 2.0 ** -random.uniform(1, 2)


def fog(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Two to seven tenths of light grey over everything."""
    share = random.uniform(0.2, 0.7)
    return image * (1 - share) + share * random.uniform(170, 230)


def noise(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Grain of 15 to 40 levels."""
    return image + random.normal(0, random.uniform(15, 40), image.shape)


CHANGES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "cast": cast,
    "dark": dark,
    "fog": fog,
    "noise": noise,
}


def generated(folder: Path) -> Shift:
    """Harbours to learn from and to validate with, others in each changed look to test on, and more as styles."""
    from segue.commands.demo import DOMAIN
    from segue.data.index import Sample
    from segue.demo.dataset import class_table, write_dataset
    from segue.demo.scene import scene

    write_dataset(folder / "data", DOMAIN, 0, TRAIN, HELD_OUT)
    (folder / "lent").mkdir()
    targets: dict[str, list] = {}
    for number, (name, change) in enumerate(CHANGES.items()):
        (folder / name).mkdir()
        targets[name] = []
        for index in range(TESTED + LENT // len(CHANGES)):
            random = np.random.default_rng([number, index])
            one = scene(0, DOMAIN, 200_000 + 1000 * number + index)
            pixels = np.clip(change(one.image.astype(float), random), 0, 255).astype(np.uint8)
            if index >= TESTED:
                Image.fromarray(pixels).save(folder / "lent" / f"{name}{index}.png")
                continue
            image, mask = folder / name / f"{index}.png", folder / name / f"{index}_mask.png"
            Image.fromarray(pixels).save(image)
            Image.fromarray(one.mask).save(mask)
            targets[name].append(Sample(f"{name}/{index}", image, mask, "test"))
    return Shift("demo", prepared(folder / "data", class_table(DOMAIN).names), targets, folder / "lent")


# --- real: day and dusk ----------------------------------------------------------------------------------------------


def day_and_dusk(camvid: Path, folder: Path) -> Shift:
    """The drives by day, and that at dusk: its first half lends styles, its second is tested on."""
    whole = prepared(camvid)
    dusk = sorted((one for one in whole.samples if one.image.stem.startswith(DUSK)), key=lambda one: one.id)
    lent, tested = dusk[: len(dusk) // 2], dusk[len(dusk) // 2 :]
    (folder / "lent").mkdir()
    for sample in lent:
        with Image.open(sample.image) as picture:
            picture.save(folder / "lent" / f"{sample.image.stem}.png")
    names = {sample.id for sample in dusk}
    return Shift("camvid", without(whole, names), {"dusk": tested}, folder / "lent")


def without(data, names: set[str]):
    """The data without some of its samples."""
    chosen = [sample.id not in names for sample in data.samples]
    of_train = [sample.id not in names for sample in data.of("train")]
    return dataclasses.replace(
        data,
        samples=tuple(sample for sample, keep in zip(data.samples, chosen, strict=True) if keep),
        pixels=data.pixels[chosen],
        sizes=tuple(size for size, keep in zip(data.sizes, of_train, strict=True) if keep),
    )


def prepared(root: Path, names: tuple[str, ...] = ()):
    """A data set, examined as `segue fit` does."""
    from segue.configs import DataConfig
    from segue.data.prepare import prepare

    return prepare((root,), DataConfig(names=names), 0, lambda share, name: None)


# --- training and scoring --------------------------------------------------------------------------------------------


def fit_config(shift: Shift, arm: str, weights: Path, steps: int, seed: int):
    """What all arms have in common; decoder and encoder's rate are what `segue fit` decides for this encoder."""
    from segue.configs import (
        AugmentConfig,
        DataConfig,
        FitConfig,
        ModelConfig,
        OptimConfig,
        TrainConfig,
        TransferConfig,
    )

    return FitConfig(
        paths=(shift.data.root,),
        steps=steps,
        seed=seed,
        data=DataConfig(size=SIZES[shift.name], workers=0),
        model=ModelConfig(encoder="mobilenetv2_100", weights=str(weights), decoder="segformer"),
        transfer=TransferConfig(encoder_rate=1.0),
        optim=OptimConfig(batch=BATCH),
        augment=AugmentConfig(**ARMS[arm], style_images=shift.lent if arm in LENDING else None),
        train=TrainConfig(threads=1, validations=2, patience=1),
    )


def train(shift: Shift, arm: str, seed: int, weights: Path, steps: int) -> dict[str, object]:
    """Fit in a temporary folder, score on every target; the row to write."""
    from segue.commands.fit import train_on
    from segue.infer.evaluate import evaluate
    from segue.infer.segmenter import Segmenter
    from segue.train.resolve import resolve

    clock, began = time.process_time(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        config = resolve(fit_config(shift, arm, weights, steps, seed), shift.data)
        source = train_on(dataclasses.replace(config, out=run), shift.data, began).evaluation
        segmenter = Segmenter.load(run, "cpu")
        found = {name: evaluate(segmenter, samples, shift.data.classes) for name, samples in shift.targets.items()}
    return {
        "shift": shift.name,
        "arm": arm,
        "seed": seed,
        "steps": steps,
        "source": {"miou": source["miou"], "interval": source["interval"], "images": source["n_images"]},
        "targets": {name: scored(one) for name, one in found.items()},
        "cpu_seconds": round(time.process_time() - clock, 1),
        "seconds": round(time.perf_counter() - began, 1),
    }


def scored(evaluation) -> dict[str, object]:
    """The mIoU with its interval, and of each image the pixels of each class in intersection and union."""
    from segue.metrics.studentised import overlap

    summary, parts = evaluation.summary(), overlap(evaluation.matrices)
    return {
        "miou": summary["miou"],
        "interval": summary["interval"],
        "classes": {row["name"]: row["iou"] for row in summary["classes"]},
        "hits": parts.hits.astype(int).tolist(),
        "union": parts.union.astype(int).tolist(),
    }


# --- tables ----------------------------------------------------------------------------------------------------------


def show(rows: list[dict]) -> str:
    """For every shift a table in Markdown: means over the seeds, and what each arm gains on the target."""
    text = []
    for name, steps in dict.fromkeys((row["shift"], row["steps"]) for row in rows):
        own = [row for row in rows if (row["shift"], row["steps"]) == (name, steps)]
        targets = list(own[0]["targets"])
        heads = [f"{target} | gain (95 % over images; over seeds)" for target in targets]
        text += [f"**{name}**, {steps} steps", "", f"| arm | seeds | source | {' | '.join(heads)} | CPU s |"]
        text.append("| --- | --- | --- |" + " --- | --- |" * len(targets) + " --- |")
        arms = {arm: {row["seed"]: row for row in own if row["arm"] == arm} for arm in ARMS}
        text += [line(arm, found, arms["none"], targets) for arm, found in arms.items() if found]
        text += ["", "Each training, with 95 % intervals over images:", ""]
        text += [single(row) for row in own] + [""]
    return "\n".join(text)


def line(arm: str, found: dict[int, dict], plain: dict[int, dict], targets: list[str]) -> str:
    """An arm's row."""
    pairs = [(plain[seed], found[seed]) for seed in sorted(set(found) & set(plain)) if arm != "none"]
    cells = []
    for target in targets:
        cells.append(f"{statistics.mean(row['targets'][target]['miou'] for row in found.values()):.3f}")
        cells.append(gained(pairs, target) if pairs else "–")
    source = statistics.mean(row["source"]["miou"] for row in found.values())
    cost = statistics.median(row["cpu_seconds"] for row in found.values())
    return f"| `{arm}` | {len(found)} | {source:.3f} | {' | '.join(cells)} | {cost:.0f} |"


def gained(pairs: list[tuple[dict, dict]], target: str) -> str:
    """By how much the second is better, the mean over pairs: with the paired bootstrap over images, and over seeds."""
    from segue.metrics.studentised import Estimate, Overlap, gain, intervals, mean_iou
    from segue.metrics.units import resampling_units

    def score(row: dict):
        held = row["targets"][target]
        return mean_iou(Overlap(np.array(held["hits"], float), np.array(held["union"], float)))

    gains = [gain(score(before), score(after)) for before, after in pairs]

    def mean(draw):
        all_of_them = [one(draw) for one in gains]
        value = np.mean([one.value for one in all_of_them], axis=0)
        return Estimate(value, np.mean([one.influence for one in all_of_them], axis=0))

    images = len(pairs[0][0]["targets"][target]["hits"])
    interval = intervals([mean], resampling_units(images), resamples=2000)[0]
    value = float(mean(np.ones((1, images))).value[0])
    return f"{value:+.3f} ({interval.low:+.3f} to {interval.high:+.3f}; {over_seeds(pairs, target)})"


def over_seeds(pairs: list[tuple[dict, dict]], target: str) -> str:
    """Student's interval of the gain, each seed one observation: wide where they are few."""
    from scipy.stats import t

    gains = [after["targets"][target]["miou"] - before["targets"][target]["miou"] for before, after in pairs]
    if len(gains) < 2:
        return "one seed"
    reach = float(t.ppf(0.975, len(gains) - 1)) * statistics.stdev(gains) / len(gains) ** 0.5
    return f"{statistics.mean(gains) - reach:+.3f} to {statistics.mean(gains) + reach:+.3f}"


def single(row: dict) -> str:
    """One training in a line."""
    parts = [f"source {bounded(row['source'])}", *(f"{name} {bounded(one)}" for name, one in row["targets"].items())]
    return f"- `{row['arm']}`, seed {row['seed']}: {', '.join(parts)}"


def bounded(one: dict) -> str:
    """A score and its interval."""
    return "{:.3f} ({:.3f}–{:.3f})".format(one["miou"], *one["interval"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", help="demo, or the folder of CamVid")
    parser.add_argument("weights", type=Path, nargs="?")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(USUAL))
    parser.add_argument("--steps", type=int, default=STEPS)
    add_options(parser, "style_augmentation.jsonl")
    given = parser.parse_args()
    if given.show:
        print(show(read(given.show)))
        return
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder)
        shift = generated(own) if given.data == "demo" else day_and_dusk(Path(given.data), own)
        wanted = part_of([(arm, seed) for seed in given.seeds for arm in given.arms], given.part)
        jobs = [
            ((shift.name, arm, seed, given.steps), partial(train, shift, arm, seed, given.weights, given.steps))
            for arm, seed in wanted
        ]
        run_missing(jobs, given.out, lambda row: (row["shift"], row["arm"], row["seed"], row["steps"]))


if __name__ == "__main__":
    main()
