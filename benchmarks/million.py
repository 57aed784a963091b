"""A million samples: seconds from the command to the end of the first training step, and memory while it goes on.

A few hundred pictures are drawn, a list names each of a million hard links to them, and `segue fit samples.csv` trains
on that in a process of its own, which says when a step is done and what memory it has; imports are in the seconds. The
encoder is not pretrained, so nothing is downloaded.

    python benchmarks/million.py                     a million samples, 200 steps: about three minutes on two cores
    python benchmarks/million.py --samples 110000    a tenth: of 100,000 or fewer every file would be looked at
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from table import emit, within

PICTURES, SIDE, IN_A_FOLDER = 300, 256, 1000
STEPS = 200
OPTIONS = ["--transfer.mode", "scratch", "--steps", str(10 * STEPS), "--seed", "0"]


def draw_pictures(root: Path) -> None:
    """Pictures of three classes of rectangles on a background, with noise."""
    numbers = np.random.default_rng(0)
    for folder in ("originals", "masks"):
        (root / folder).mkdir()
    for number in range(PICTURES):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        for label in (1, 2, 3):
            top, left = numbers.integers(0, SIDE - 64, 2)
            mask[top : top + 64, left : left + 64] = label
        colours = numbers.integers(0, 256, (4, 3))[mask]
        picture = np.clip(colours + numbers.normal(0, 12, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(picture).save(root / "originals" / f"{number}.png")
        Image.fromarray(mask).save(root / "masks" / f"{number}.png")


def write_list(root: Path, samples: int) -> Path:
    """Hard links to the pictures, in folders of a thousand, and the list of them; a hundred in a row are one drive."""
    with (root / "samples.csv").open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["image", "mask", "group"])
        for number in range(samples):
            folder = root / "images" / f"{number // IN_A_FOLDER:04d}"
            if number % IN_A_FOLDER == 0:
                folder.mkdir(parents=True)
            name = f"{number:07d}.png"
            os.link(root / "originals" / f"{number % PICTURES}.png", folder / name)
            rows.writerow([f"images/{folder.name}/{name}", f"masks/{number % PICTURES}.png", f"drive {number // 100}"])
    return root / "samples.csv"


def train(listing: Path, out: Path, steps: int, began: float) -> None:
    """`segue fit` in this process, saying on standard output when steps are done; it is left after `steps`."""
    from segue.cli import main
    from segue.train import loop

    step = loop.training_step
    done = 0

    def telling(*arguments: object) -> object:
        nonlocal done
        losses = step(*arguments)  # type: ignore[arg-type]
        done += 1
        if done in (1, STEPS // 2, STEPS):
            print(json.dumps({"step": done, "seconds": time.time() - began, "mib": resident()}), flush=True)
        if done == steps:
            os._exit(0)
        return losses

    loop.training_step = telling  # type: ignore[assignment]
    main(["fit", str(listing), "--out", str(out), *OPTIONS])


def resident() -> float:
    """Memory of this process in MiB, as the system counts it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def measure(listing: Path, out: Path, steps: int) -> dict[int, dict[str, float]]:
    """What `train` says of its steps, by step."""
    command = [sys.executable, __file__, "--train", str(listing), str(out), str(steps), repr(time.time())]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return {entry["step"]: entry for entry in map(json.loads, said.splitlines())}


def main() -> None:
    """Make the samples, train on a few and on all, print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1_000_000, help="how many are listed (default: %(default)s)")
    parser.add_argument("--train", nargs=4, metavar=("LIST", "OUT", "STEPS", "BEGAN"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.train:
        listed, out, steps, began = given.train
        return train(Path(listed), Path(out), int(steps), float(began))
    with tempfile.TemporaryDirectory(prefix="million-") as folder:
        root = Path(folder)
        draw_pictures(root)
        listing = write_list(root, given.samples)
        found = [measure(listing, root / f"run-{turn}", steps) for turn, steps in enumerate((STEPS, 1, 1))]
    many = f"{given.samples:,} listed samples"
    for entry in found:
        print(json.dumps(entry))
    seconds = sorted(entry[1]["seconds"] for entry in found)[1]
    long = found[0]
    growth = long[STEPS]["mib"] - long[STEPS // 2]["mib"]
    emit(within(f"{many}: command to first step done", seconds, "s", at_most=10, note="median of 3, imports included"))
    note = f"{long[1]['mib']:.0f} MiB after step 1, {long[STEPS // 2]['mib']:.0f} after {STEPS // 2}"
    emit(within(f"{many}: growth of memory over {STEPS // 2} steps", growth, "MiB", at_most=16, note=note))


if __name__ == "__main__":
    main()
