"""Scenes as a data set on disk, in a layout every fit understands: images/train, masks/train, images/val, masks/val."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from segue.data.classes import Classes
from segue.demo.scene import Scene, classes, scene
from segue.infer.outputs import colour_table

FIRST_HELD_OUT = 100_000  # scenes from this number on are for validation: no amount of training images reaches them

COLOURS = {
    "sky": (112, 160, 214),
    "hills": (122, 116, 164),
    "ground": (140, 178, 84),
    "snow": (226, 232, 240),
    "road": (92, 94, 104),
    "water": (54, 104, 190),
    "building": (192, 92, 70),
    "tree": (42, 122, 62),
    "car": (236, 190, 52),
    "boat": (236, 190, 52),
    "lamp": (240, 128, 36),
    "person": (220, 40, 140),
}


def class_table(domain: str) -> Classes:
    """Names and colours of a domain's classes; a mask holds their position."""
    names = classes(domain)
    return Classes(names, tuple(COLOURS[name] for name in names), tuple(range(len(names))))


def write_dataset(
    root: Path, domain: str, seed: int, train: int, held_out: int, update: Callable[[float, str], None] | None = None
) -> None:
    """Write `train` scenes to learn from and `held_out` others to measure on, as PNG files.

    `update` is told the share done after each scene.
    """
    table = class_table(domain)
    jobs = [("train", index) for index in range(train)]
    jobs += [("val", FIRST_HELD_OUT + index) for index in range(held_out)]
    for kind in ("images", "masks"):
        for split in ("train", "val"):
            (root / kind / split).mkdir(parents=True, exist_ok=True)
    for done, (split, index) in enumerate(jobs, start=1):
        _write(root, split, f"{domain}{index:06d}", scene(seed, domain, index), table)
        if update is not None:
            update(done / len(jobs), f"scene {done} of {len(jobs)}")


def _write(root: Path, split: str, name: str, one: Scene, table: Classes) -> None:
    Image.fromarray(one.image).save(root / "images" / split / f"{name}.png")
    mask = Image.fromarray(one.mask)
    mask.putpalette(colour_table(table).tobytes())
    mask.save(root / "masks" / split / f"{name}.png")
