"""Which images a model calls unlike its training images: its own validation images, planted changes, other data sets.

    python benchmarks/novelty.py RUN... --sets "NAME=PATTERN"... [--out novelty.jsonl]
    python benchmarks/novelty.py --show novelty.jsonl

RUN are run folders of `segue fit` whose data lies where it lay, also of before distances were kept; PATTERN finds
images of other kinds (a set that lies where the run's images lie is left out). One JSON line for each run. `--show`
prints the tables of novelty.md: 200 times, two thirds of the validation images, drawn at random, set the limit and
are compared with, the others are judged; images of other kinds are judged by all of them.
"""

import argparse
import glob
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from PIL import Image, ImageFilter

MOST = 40  # images of each other set, and of those that are changed, evenly spread
DRAWS = 200


def darker(image: np.ndarray) -> np.ndarray:
    """Two stops less light."""
    return image // 4


def gamma(image: np.ndarray) -> np.ndarray:
    """Shown with a gamma of 0.45, as linear values taken for encoded ones are."""
    return (255 * (image / 255) ** 0.45).astype(np.uint8)


def exchanged(image: np.ndarray) -> np.ndarray:
    """Blue first."""
    return image[..., ::-1]


def blurred(image: np.ndarray) -> np.ndarray:
    """Out of focus by 1 % of the width."""
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(image.shape[1] / 100)))


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "2 stops darker": darker,
    "gamma 0.45": gamma,
    "channels exchanged": exchanged,
    "blurred": blurred,
}


def spread(paths: list[Path], most: int = MOST) -> list[Path]:
    """Evenly spread ones."""
    paths = sorted(paths)
    if len(paths) <= most:
        return paths
    return [paths[round(i * (len(paths) - 1) / (most - 1))] for i in range(most)]


def changed(paths: list[Path], change: Callable[[np.ndarray], np.ndarray], folder: Path) -> list[Path]:
    """Copies of images with a planted change."""
    folder.mkdir()
    written = []
    for path in paths:
        with Image.open(path) as picture:
            image = change(np.asarray(picture.convert("RGB")))
        written.append(folder / f"{path.stem}.png")
        Image.fromarray(np.ascontiguousarray(image)).save(written[-1])
    return written


def measure(run: Path, others: dict[str, list[Path]]) -> dict[str, object]:
    """Look at all images of a run and at others: distances, colours, and what looking costs."""
    from segue.commands.remember import MOST as MOST_TRAINING
    from segue.data.image import read_image
    from segue.infer.segmenter import Segmenter
    from segue.trust.novelty import familiar

    segmenter = Segmenter.load(run, "cpu")
    samples = json.loads((run / "data.json").read_text())["samples"]
    trained = spread([sample["image"] for sample in samples if sample["split"] == "train"], MOST_TRAINING)
    val = {Path(sample["image"]): sample["group"] for sample in samples if sample["split"] == "val"}

    def look(paths: list[Path]) -> list:
        return [segmenter.look(segmenter.prepare(read_image(path))) for path in paths]

    training = look([Path(image) for image in trained])
    known = familiar(np.concatenate([one.features for one in training]), [])
    held = spread(list(val))
    sets: dict[str, dict[str, list]] = {}

    def add(title: str, paths: list[Path]) -> None:
        seen = look(paths)
        sets[title] = {
            "distances": [known.distance(one.features) for one in seen],
            "colours": [one.colours.tolist() for one in seen],
        }

    add("validation", list(val))
    with tempfile.TemporaryDirectory() as folder:
        for title, change in CHANGES.items():
            add(title, changed(held, change, Path(folder) / title))
    for title, paths in others.items():
        if paths[0].parent.resolve() not in [path.parent.resolve() for path in val]:
            add(title, spread(paths))
    return {
        "name": run.name,
        "groups": list(val.values()),
        "training": [one.colours.tolist() for one in training],
        "sets": sets,
        "cost": cost(segmenter, [segmenter.prepare(read_image(path)) for path in spread(list(val), 8)]),
    }


def cost(segmenter: object, images: list) -> dict[str, float]:
    """CPU milliseconds an image: a mask, the part of it that looks, and a look alone, as a fit takes of training."""
    from segue.trust.look import Looker

    looking, plain = [0.0], Looker.add

    def timed(self: Looker, *given: object) -> None:
        began = time.process_time()
        plain(self, *given)
        looking[0] += time.process_time() - began

    Looker.add = timed
    began = time.process_time()
    for image in images:
        segmenter.segment(image)
    whole = time.process_time() - began
    Looker.add = plain
    began = time.process_time()
    for image in images:
        segmenter.look(image)
    alone = time.process_time() - began
    spent = {"mask": whole, "of it looking": looking[0], "look alone": alone}
    return {name: round(1000 * seconds / len(images), 2) for name, seconds in spent.items()}


def judged(row: dict) -> list[tuple[str, int, float, float, dict[str, float]]]:
    """Of every set: its name, images, mean distance, share called unlike, and how often each difference is named."""
    from segue.trust.domain_gap import domain_gap
    from segue.trust.novelty import FALSE_ALARMS, conformal_limit

    training, random = np.array(row["training"]), np.random.default_rng(0)
    sets = {name: (np.array(one["distances"]), np.array(one["colours"])) for name, one in row["sets"].items()}
    distances, colours = sets.pop("validation")

    def differences(own: np.ndarray, those: np.ndarray, held: np.ndarray) -> list[str]:
        looks = list(zip(those, own.tolist(), strict=True))
        return [one.name for one in domain_gap(looks, [""] * len(looks), training, held).differences]

    flagged, named = [], []
    for _ in range(DRAWS):
        order = random.permutation(len(distances))
        held, new = order[: 2 * len(order) // 3], order[2 * len(order) // 3 :]
        flagged.append(np.mean(distances[new] > conformal_limit(distances[held], FALSE_ALARMS)))
        named.append(differences(distances[new], colours[new], distances[held]))
    rows = [("its own, validation", len(distances), distances.mean(), np.mean(flagged), shares(named))]
    limit = conformal_limit(distances, FALSE_ALARMS)
    for name, (own, those) in sets.items():
        rows.append((name, len(own), own.mean(), np.mean(own > limit), shares([differences(own, those, distances)])))
    return rows


def shares(named: list[list[str]]) -> dict[str, float]:
    """How often each name occurs, the most frequent first; `any` is how often there is one."""
    names = sorted({name for one in named for name in one}, key=lambda name: (-sum(name in one for one in named), name))
    found = {name: float(np.mean([name in one for one in named])) for name in names}
    return {"any": float(np.mean([bool(one) for one in named])), **found}


def show(rows: list[dict]) -> str:
    """Tables in Markdown."""
    from segue.trust.independent import one_per_group

    lines = []
    for row in rows:
        units, cost = len(one_per_group(row["groups"])), row["cost"]
        lines += [
            f"### Trained on {row['name']}",
            "",
            f"{len(row['training'])} training images; {len(row['groups'])} validation images, {units} independent. CPU "
            f"ms an image: mask {cost['mask']:.0f}, of it {cost['of it looking']:.1f} for the look; a look alone "
            f"{cost['look alone']:.0f}.",
            "",
            "| images | number | mean distance | called unlike | differ as a whole |",
            "| --- | --- | --- | --- | --- |",
        ]
        for name, count, distance, unlike, named in judged(row):
            any_, *others = named.items()
            if "own" in name:
                told = f"{100 * any_[1]:.1f} % of {DRAWS} draws"
            else:
                told = ", ".join(one for one, _ in others) or "no"
            lines.append(f"| {name} | {count} | {distance:.4f} | {100 * unlike:.1f} % | {told} |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Measure what is not in the file yet, or print it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--sets", nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=Path("novelty.jsonl"))
    parser.add_argument("--show", type=Path)
    given = parser.parse_args()
    if given.show is None:
        pairs = [one.partition("=") for one in given.sets]
        others = {name: [Path(path) for path in glob.glob(pattern)] for name, _, pattern in pairs}  # noqa: PTH207
        for run in given.runs:
            with given.out.open("a") as file:
                file.write(json.dumps(measure(run, others)) + "\n")
    print(show([json.loads(row) for row in (given.show or given.out).read_text().splitlines()]))


if __name__ == "__main__":
    main()
