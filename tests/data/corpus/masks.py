"""Masks: values, colours, soft edges, lossy files, classes that are absent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from corpus.base import (
    HEIGHT,
    WIDTH,
    Case,
    encoded,
    image_file,
    in_every_mask,
    in_mask,
    labels,
    mask_file,
    picture,
    save,
    split_up,
    write_file,
)

COLOURS = np.array([[60, 16, 152], [132, 41, 246], [254, 221, 58]], np.uint8)
VOC_GREY = np.array([0, 38, 75], np.uint8)


def resampled(mask: np.ndarray, spread: int = 100) -> np.ndarray:
    """Down and up again with a linear filter, as picture editors do."""
    image = Image.fromarray((mask * spread).astype(np.uint8))
    small = image.resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.BILINEAR)
    return np.asarray(small.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR))


def with_value(value: int) -> Callable[[np.ndarray], np.ndarray]:
    def change(mask: np.ndarray) -> np.ndarray:
        mask = mask.copy()
        mask[:3, :3] = value
        return mask

    return change


def palette_masks(root: Path) -> Path:
    for path in sorted((root / "masks").iterdir()):
        image = Image.fromarray(np.asarray(Image.open(path)))
        image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
        image.save(path)
    return mask_file(root)


def mask_cases() -> Iterator[Case]:
    yield Case("unknown value", "MASK_UNKNOWN_VALUE", in_mask(with_value(77)))
    yield Case("unknown value beside 255", "MASK_UNKNOWN_VALUE", in_mask(with_value(254)))
    yield Case("255 is ignored", "", in_mask(with_value(255)))
    yield Case("one mask counts from one", "MASK_OFF_BY_ONE", in_mask(lambda mask: mask + 1))
    yield Case("one mask as grey levels of its palette", "MASK_PALETTE_AS_GREY", in_mask(lambda mask: VOC_GREY[mask]))
    yield Case("one mask in colour", "MASK_MIXED", in_mask(lambda mask: COLOURS[mask]))
    yield Case("all masks in colour", "", in_every_mask(lambda mask: COLOURS[mask]))
    yield Case("all masks with a palette", "", palette_masks)
    yield Case("all masks one bit", "", in_every_mask(lambda mask: mask > 0))
    yield Case("all masks 0 and 255", "", in_every_mask(lambda mask: ((mask > 0) * 255).astype(np.uint8)))
    yield Case("fractions", "MASK_MODE", _fractions)
    yield Case("half-transparent mask", "MASK_MODE", in_mask(lambda m: np.dstack([m, m, m, m * 100])))
    yield Case("one anti-aliased mask", "MASK_ANTIALIASED", in_mask(resampled))
    yield Case("one anti-aliased mask of closer values", "MASK_ANTIALIASED", in_mask(lambda mask: resampled(mask, 20)))
    yield Case("all masks anti-aliased", "MASK_ANTIALIASED", in_every_mask(resampled))
    yield Case("all masks anti-aliased colours", "MASK_ANTIALIASED", in_every_mask(lambda m: _soft(COLOURS[m])))
    yield Case("one JPEG mask", "MASK_LOSSY", _jpeg_mask)
    yield Case(
        "all masks JPEG", "MASK_LOSSY", in_every_mask(lambda mask: (mask * 127).astype(np.uint8), ".jpg", quality=80)
    )
    yield Case(
        "JPEG mask called .png",
        "MASK_LOSSY",
        lambda root: write_file(mask_file(root), encoded(labels(3) * 100, "JPEG")),
    )
    yield Case(
        "lossy WebP masks", "MASK_LOSSY", in_every_mask(lambda mask: (mask * 127).astype(np.uint8), ".webp", quality=60)
    )
    yield Case("lossless WebP masks", "", in_every_mask(lambda mask: COLOURS[mask], ".webp", lossless=True))
    yield Case("background only", "MASK_EMPTY", in_mask(np.zeros_like))
    yield Case("nothing labelled", "MASK_ALL_IGNORED", in_mask(lambda mask: np.full_like(mask, 255)))
    yield Case("a colour on few pixels", "MASK_RARE_VALUE", _rare_colour)
    yield Case("one class everywhere", "CLASS_SINGLE", _single_class)
    yield Case("a class missing in train", "CLASS_ABSENT_TRAIN", lambda root: _absent(root, "train"))
    yield Case("a class missing in val", "CLASS_ABSENT_VAL", lambda root: _absent(root, "val"))


def _soft(pixels: np.ndarray) -> np.ndarray:
    small = Image.fromarray(pixels).resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.BILINEAR)
    return np.asarray(small.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR))


def _fractions(root: Path) -> Path:
    mask_file(root).unlink()
    return save(mask_file(root, "img_3.tif"), (labels(3) / 3).astype(np.float32))


def _jpeg_mask(root: Path) -> Path:
    in_every_mask(lambda mask: (mask * 127).astype(np.uint8))(root)
    mask_file(root).unlink()
    return save(mask_file(root, "img_3.jpg"), (labels(3) * 127).astype(np.uint8), quality=80)


def _rare_colour(root: Path) -> Path:
    for i in range(6):
        save(image_file(root, f"img_{i}.png"), picture(i, 192, 256))
        mask = COLOURS[labels(i, 192, 256)]
        mask[0, 0] = (0, 0, 0) if i == 3 else mask[0, 0]
        save(mask_file(root, f"img_{i}.png"), mask)
    return mask_file(root)


def _single_class(root: Path) -> Path:
    in_every_mask(np.zeros_like)(root)
    return root


def _absent(root: Path, split: str) -> Path:
    split_up(root)
    for path in (root / split / "masks").iterdir():
        save(path, np.minimum(np.asarray(Image.open(path)), 1))
    return root
