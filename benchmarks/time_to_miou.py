"""How soon is a model how good? `segue fit` beside three loops that people write today, on CamVid, on one machine.

    python benchmarks/time_to_miou.py CAMVID WEIGHTS.pth --images 25 --seeds 0 --seconds 180 --out time_to_miou.jsonl
    python benchmarks/time_to_miou.py --show time_to_miou.jsonl --draw time_to_miou.png

CAMVID is a folder with `train/ trainannot/ val/ valannot/` (the SegNet layout), WEIGHTS timm's mobilenetv2_100 trained
on ImageNet. Each side gets the same weights, the same `--images` training images (evenly spread over the drives) and
crops of 240x320. The loops (peer_loops.py) train for `--seconds`, and nothing but their training counts. Segue gets a
third of these seconds, and all of them, as `--minutes`; what counts for it is everything, from the command to the end
of the report: importing, reading, checking, deciding, training, validating, evaluating. All are scored by one confusion
matrix over all validation images at their own 360x480, void ignored. One process at a time; each writes one line.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jobs
from table import Row, emit

PEERS = ("smp", "fastai", "torchvision")
SHARES = (1 / 3, 1.0)  # of the seconds, that Segue gets
MARKS = (1 / 6, 1 / 3, 2 / 3, 1.0)  # of the seconds, after which a loop is scored
POINTS_AHEAD = 3.0


def spread(names: list[str], count: int) -> list[str]:
    """So many of them, evenly."""
    return [names[i * len(names) // count] for i in range(count)]


def plant(camvid: Path, images: int, folder: Path) -> Path:
    """CamVid with fewer training images."""
    chosen = spread(sorted(path.stem for path in (camvid / "train").iterdir()), images)
    for part in ("train", "trainannot", "val", "valannot"):
        (folder / part).mkdir(parents=True)
        for path in (camvid / part).iterdir():
            if path.stem in chosen or part.startswith("val"):
                shutil.copyfile(path, folder / part / path.name)
    return folder


def peer(name: str, data: Path, weights: Path, seconds: float, seed: int) -> list[dict[str, float]]:
    """Train one of the loops in this process; its scores after shares of the seconds."""
    import smp_loop
    from fastai_loop import fastai_unet
    from peer_loops import LOOPS, Clock

    train, val = smp_loop.read(data, "train"), smp_loop.read(data, "val")
    clock = Clock(seconds, MARKS, lambda model: smp_loop.miou(model, val, (352, 480)))
    found: list[dict[str, float]] = (LOOPS | {"fastai": fastai_unet})[name](train, weights, seed, clock)
    return found


def run_peer(name: str, data: Path, weights: Path, seconds: float, seed: int) -> dict[str, Any]:
    """`peer` in a process of its own."""
    words = [sys.executable, __file__, str(data), str(weights), "--peer", name]
    words += ["--seconds", str(seconds), "--seeds", str(seed)]
    began = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
    return {"curve": json.loads(done.stdout.splitlines()[-1]), "wall": round(time.perf_counter() - began, 1)}


def run_segue(data: Path, weights: Path, seconds: float, seed: int) -> dict[str, Any]:
    """`segue fit` with so many seconds, as a user types it."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        words = [sys.executable, "-m", "segue", "fit", str(data), "--minutes", f"{seconds / 60:.3f}"]
        words += ["--model.encoder", "mobilenetv2_100", "--model.weights", str(weights), "--data.size", "240x320"]
        began = time.perf_counter()
        done = subprocess.run([*words, "--seed", str(seed), "--out", str(run)], capture_output=True, text=True)
        wall = time.perf_counter() - began
        if done.returncode:
            raise SystemExit(f"segue fit failed:\n{done.stderr[-3000:]}")
        evaluation = json.loads((run / "evaluation.json").read_text())
        history = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    on_the_way = [{"seconds": row["seconds"], "steps": row["step"], "miou": row["val_miou"]} for row in history]
    return {
        "curve": [{"seconds": round(wall, 1), "steps": history[-1]["step"], "miou": round(evaluation["miou"], 4)}],
        "interval": evaluation["interval"],
        "wall": round(wall, 1),
        "on_the_way": on_the_way,
    }


def key(row: dict[str, Any]) -> tuple[Any, ...]:
    """What a training is known by."""
    return row["name"], row["images"], row["seed"], row["seconds"]


def contenders(
    seconds: float, shares: Sequence[float] = SHARES, peers: Sequence[str] = PEERS
) -> list[tuple[str, float]]:
    """Names and seconds, in the order they are trained in."""
    return [*(("segue", seconds * share) for share in shares), *((name, seconds) for name in peers)]


def one(name: str, seconds: float, data: Path, weights: Path, images: int, seed: int) -> dict[str, Any]:
    """Train one of them; the line to write."""
    run = run_segue(data, weights, seconds, seed) if name == "segue" else run_peer(name, data, weights, seconds, seed)
    print(f"{images} images, seed {seed}, {name}, {seconds:.0f} s: {run['curve']}", file=sys.stderr, flush=True)
    return {"name": name, "images": images, "seed": seed, "seconds": round(seconds, 1), **run}


def measure(given: argparse.Namespace) -> None:
    """Train what is not in the file yet."""
    for images in given.images:
        with tempfile.TemporaryDirectory() as folder:
            data = plant(given.camvid, images, Path(folder) / "camvid")
            work = [
                (
                    (name, images, seed, round(seconds, 1)),
                    partial(one, name, seconds, data, given.weights, images, seed),
                )
                for seed in given.seeds
                for name, seconds in contenders(given.seconds, SHARES[1:] if given.equal_time else SHARES, given.loops)
            ]
            jobs.run_missing(work, given.out, key)


def comparisons(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """For every number of images, length and seed that Segue and a loop have: the figures that are compared.

    Which loops these are stands with each; one that was left out has not been beaten.
    """
    sets: dict[tuple[Any, ...], dict[tuple[str, float], dict[str, Any]]] = defaultdict(dict)
    longest = {(row["images"], row["seed"]): 0.0 for row in rows}
    for row in rows:
        longest[row["images"], row["seed"]] = max(longest[row["images"], row["seed"]], row["seconds"])
    for row in rows:
        sets[row["images"], row["seed"], longest[row["images"], row["seed"]]][row["name"], row["seconds"]] = row
    found = []
    for (images, seed, seconds), of in sorted(sets.items()):
        third, whole = (of.get(("segue", round(seconds * share, 1))) for share in SHARES)
        peers = {name: of[name, seconds]["curve"] for name in PEERS if (name, seconds) in of}
        if whole is None or not peers:
            continue
        best = {name: max(mark["miou"] for mark in curve) for name, curve in peers.items()}
        found.append(
            {
                "images": images,
                "seed": seed,
                "seconds": seconds,
                "third": third["curve"][-1] if third else None,
                "whole": whole["curve"][-1],
                "peers": best,
                "best": max(best, key=lambda name: best[name]),
            }
        )
    return found


def table_rows(found: list[dict[str, Any]]) -> list[Row]:
    """One row for each goal and number of images: the mean over seeds."""
    rows = []
    groups = defaultdict(list)
    for one_set in found:
        groups[one_set["images"], one_set["seconds"]].append(one_set)
    for (images, seconds), sets in sorted(groups.items()):
        whole = statistics.mean(one_set["whole"]["miou"] for one_set in sets)
        best = statistics.mean(max(one_set["peers"].values()) for one_set in sets)
        names = "/".join(sorted({one_set["best"] for one_set in sets}))
        absent = [name for name in PEERS if any(name not in one_set["peers"] for one_set in sets)]
        note = f"{len(sets)} seed{'s' * (len(sets) != 1)}" + (f", {' and '.join(absent)} not trained" if absent else "")
        if all(one_set["third"] for one_set in sets):
            third, spent = (statistics.mean(one_set["third"][what] for one_set in sets) for what in ("miou", "seconds"))
            reached = third >= best and spent <= seconds / 3
            rows.append(
                Row(
                    f"mIoU after a third of the time, {images} images ({spent:.0f} s of {seconds:.0f})",
                    *(round(100 * third, 1), "points", "≥ the best loop's after all of it", reached, names),
                    *(round(100 * best, 1), None, f"{100 * spent / seconds:.0f} % of the loops' time, {note}"),
                )
            )
        ahead = 100 * (whole - best)
        rows.append(
            Row(
                f"mIoU after the same time, {images} images ({seconds:.0f} s)",
                *(round(100 * whole, 1), "points", f"≥ {POINTS_AHEAD:g} points ahead", ahead >= POINTS_AHEAD, names),
                *(round(100 * best, 1), None, f"{ahead:+.1f} points, {note}"),
            )
        )
    return rows


def show(rows: list[dict[str, Any]]) -> str:
    """The curves as a table, and what is compared."""
    text = [
        "| images | seed | side | seconds of budget | mIoU after so many seconds |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in sorted(rows, key=lambda row: (row["images"], row["seed"], row["name"], row["seconds"])):
        curve = ", ".join(f"{mark['miou']:.3f} ({mark['seconds']:.0f} s)" for mark in row["curve"])
        interval = " [{:.3f}, {:.3f}]".format(*row["interval"]) if "interval" in row else ""
        text.append(f"| {row['images']} | {row['seed']} | {row['name']} | {row['seconds']:.0f} | {curve}{interval} |")
    text += ["", "| what | Segue | best loop | which | goal | |", "| --- | --- | --- | --- | --- | --- |"]
    for line in table_rows(comparisons(rows)):
        holds = "yes" if line.holds else "no"
        text.append(f"| {line.what} | {line.ours} | {line.peers} | {line.peer} | {line.goal} | {holds}; {line.note} |")
    return "\n".join(text)


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Score against minutes, a panel for each number of images: loops on their way, Segue's complete runs as dots."""
    from matplotlib.figure import Figure

    counts = sorted({row["images"] for row in rows})
    figure = Figure(figsize=(3.1 * len(counts), 3.3), dpi=120, layout="constrained")
    colours = dict(zip(PEERS, ("#8a5a9e", "#9aa5b1", "#c05621"), strict=True))
    for axes, images in zip(figure.subplots(1, len(counts), sharey=True, squeeze=False)[0], counts, strict=True):
        for row in (row for row in rows if row["images"] == images):
            minutes = [mark["seconds"] / 60 for mark in row["curve"]]
            scores = [mark["miou"] for mark in row["curve"]]
            if row["name"] == "segue":
                low, high = row["interval"]
                spread = [[scores[-1] - low], [high - scores[-1]]]
                axes.errorbar(minutes[-1:], scores[-1:], spread, color="#0b6e99", marker="o", capsize=3, label="segue")
            else:
                axes.plot(minutes, scores, color=colours[row["name"]], marker=".", label=row["name"])
        axes.set_title(f"{images} images", loc="left", fontsize=10)
        axes.set_xlabel("minutes")
        axes.set_xlim(0, None)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("validation mIoU")
    figure.axes[0].set_ylim(0, 1.1 * max(mark["miou"] for row in rows for mark in row["curve"]))
    named = dict(zip(*reversed(figure.axes[0].get_legend_handles_labels()), strict=True))
    figure.legend(named.values(), named.keys(), frameon=False, loc="outside right center")
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("camvid", type=Path, nargs="?")
    parser.add_argument("weights", type=Path, nargs="?")
    parser.add_argument("--images", type=int, nargs="+", default=[10, 25, 50, 100, 367])
    parser.add_argument("--seconds", type=float, default=180, help="what each loop trains for")
    parser.add_argument("--equal-time", action="store_true", help="do not train Segue for a third of the seconds")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--loops", nargs="+", choices=PEERS, default=PEERS, help="train these only")
    parser.add_argument("--out", type=Path, default=Path("time_to_miou.jsonl"))
    parser.add_argument("--show", type=Path, help="print what a file holds, train nothing")
    parser.add_argument("--draw", type=Path, help="with --show: draw it into this picture as well")
    parser.add_argument("--peer", choices=PEERS, help="train this loop alone, on the data as they are")
    given = parser.parse_args()
    if given.show:
        print(show(jobs.read(given.show)))
        if given.draw:
            draw(jobs.read(given.show), given.draw)
        return
    if given.camvid is None or given.weights is None:
        parser.error("expected CAMVID and WEIGHTS, or --show FILE")
    if given.peer:
        print(json.dumps(peer(given.peer, given.camvid, given.weights, given.seconds, given.seeds[0])))
        return
    measure(given)
    for row in table_rows(comparisons(jobs.read(given.out))):
        emit(row)


if __name__ == "__main__":
    main()
