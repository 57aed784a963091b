"""The same or nearly the same picture in two splits, or twice in one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from corpus.base import HEIGHT, WIDTH, Case, image_file, labels, mask_file, picture, save, split_up


def leak(change: Callable[[np.ndarray], np.ndarray], ending: str = ".png", **options) -> Callable[[Path], Path]:
    """A picture of train once more in val."""

    def plant(root: Path) -> Path:
        split_up(root)
        save(root / "val" / "images" / f"other{ending}", change(picture(0)), **options)
        save(root / "val" / "masks" / "other.png", labels(0))
        return root

    return plant


def _at(root_plant: Callable[[Path], Path], *parts: str) -> Callable[[Path], Path]:
    return lambda root: root_plant(root).joinpath(*parts)


def _brighter(pixels: np.ndarray) -> np.ndarray:
    return np.clip(pixels.astype(int) + 10, 0, 255).astype(np.uint8)


def _cropped(pixels: np.ndarray) -> np.ndarray:
    inner = Image.fromarray(pixels).crop((1, 1, WIDTH - 1, HEIGHT - 1))
    return np.asarray(inner.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))


def _frames(root: Path) -> Path:
    """A video cut in two: its frames differ, but they are one group."""
    for split, start in (("train", 0), ("val", 4)):
        for clip in ("day", "night"):
            for i in range(start, start + 4):
                seed = 100 + i + (50 if clip == "night" else 0)
                save(root / split / "images" / f"{clip}_{i:03d}.png", picture(seed))
                save(root / split / "masks" / f"{clip}_{i:03d}.png", labels(seed))
    for kind in ("images", "masks"):
        for path in (root / kind).iterdir():
            path.unlink()
        (root / kind).rmdir()
    return root / "val" / "images" / "day_004.png"


def leakage_cases() -> Iterator[Case]:
    val = ("val", "images")
    yield Case("split, sound", "", _at(split_up, "train", "images", "img_0.png"))
    yield Case("same picture in two splits", "LEAK_EXACT", _at(leak(lambda p: p), "train", "images", "img_0.png"))
    yield Case(
        "recompressed in the other split", "LEAK_NEAR", _at(leak(lambda p: p, ".jpg", quality=85), *val, "other.jpg")
    )
    yield Case("brighter in the other split", "LEAK_NEAR", _at(leak(_brighter), *val, "other.png"))
    yield Case("cropped in the other split", "LEAK_NEAR", _at(leak(_cropped), *val, "other.png"))
    yield Case("half the size in the other split", "LEAK_NEAR", _at(_half_size, *val, "other.png"))
    yield Case("same picture twice", "DUPLICATE_EXACT", _twice)
    yield Case("nearly the same picture twice", "DUPLICATE_NEAR", _nearly_twice)
    yield Case("one video in two splits", "GROUP_ACROSS_SPLITS", _frames)


def _half_size(root: Path) -> Path:
    split_up(root)
    small = Image.fromarray(picture(0)).resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.BOX)
    save(root / "val" / "images" / "other.png", np.asarray(small))
    save(root / "val" / "masks" / "other.png", labels(0)[::2, ::2])
    return root


def _twice(root: Path) -> Path:
    save(mask_file(root, "img_8.png"), labels(0))
    return save(image_file(root, "img_8.png"), picture(0))


def _nearly_twice(root: Path) -> Path:
    save(mask_file(root, "img_8.png"), labels(0))
    return save(image_file(root, "img_8.png"), _brighter(picture(0)))
