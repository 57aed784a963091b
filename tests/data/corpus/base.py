"""The sound set every case starts from, and how a file of it is replaced."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 48, 64
ORIENTATION = 0x0112


@dataclass(frozen=True)
class Case:
    """One planted fault; `plant` changes the set in a folder and returns the file the finding must name."""

    name: str
    code: str
    plant: Callable[[Path], Path]


def picture(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """An image with content at every scale, another for each seed: coarse blocks and fine noise, `(H, W, 3)` uint8."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(30, 220, (6, 8, 3)).astype(np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    return np.clip(smooth + rng.integers(-12, 13, (height, width, 3)), 0, 255).astype(np.uint8)


def labels(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A mask of classes 0, 1, 2 with hard, curved borders, `(H, W)` uint8; every class in every mask."""
    rng = np.random.default_rng(seed + 10_000)
    y, x = np.mgrid[:height, :width]
    mask = np.zeros((height, width), np.uint8)
    for value, column in ((1, 0.3), (2, 0.7)):
        row, middle, radius = rng.uniform(0.35, 0.65) * height, column * width, rng.uniform(0.18, 0.25) * height
        mask[(y - row) ** 2 + (x - middle) ** 2 < radius**2] = value
    return mask


def good_set(root: Path, number: int = 6, suffix: str = ".png", split: str = "") -> Path:
    """Sound pairs `images/img_0.png`, `masks/img_0.png`, ..."""
    start = 1000 * len(split)
    for i in range(number):
        save(root / split / "images" / f"img_{start + i}{suffix}", picture(start + i))
        save(root / split / "masks" / f"img_{start + i}.png", labels(start + i))
    return root


def save(path: Path, pixels: np.ndarray, *, mode: str | None = None, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def encoded(pixels: np.ndarray, kind: str, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def image_file(root: Path, name: str = "img_3.png") -> Path:
    return root / "images" / name


def mask_file(root: Path, name: str = "img_3.png") -> Path:
    return root / "masks" / name


def in_image(data: bytes | Callable[[], bytes], ending: str = ".png") -> Callable[[Path], Path]:
    """Replace image 3 by these bytes."""

    def plant(root: Path) -> Path:
        image_file(root).unlink()
        path = image_file(root, f"img_3{ending}")
        path.write_bytes(data() if callable(data) else data)
        return path

    return plant


def in_mask(change: Callable[[np.ndarray], np.ndarray], **options) -> Callable[[Path], Path]:
    """Replace mask 3 by a changed one."""

    def plant(root: Path) -> Path:
        return save(mask_file(root), change(labels(3)), **options)

    return plant


def in_every_mask(
    change: Callable[[np.ndarray], np.ndarray], ending: str = ".png", **options
) -> Callable[[Path], Path]:
    """Replace all masks by changed ones."""

    def plant(root: Path) -> Path:
        for path in sorted((root / "masks").iterdir()):
            path.unlink()
            save(path.with_suffix(ending), change(labels(int(path.stem[4:]))), **options)
        return mask_file(root, f"img_3{ending}")

    return plant


def write_file(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def split_up(root: Path) -> Path:
    for kind in ("images", "masks"):
        for path in sorted((root / kind).iterdir()):
            target = root / ("val" if path.stem in ("img_4", "img_5") else "train") / kind / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
        (root / kind).rmdir()
    return root
