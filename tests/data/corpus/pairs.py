"""Images and masks that do not fit together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from corpus.base import Case, image_file, in_mask, mask_file, picture, save


def pairing_cases() -> Iterator[Case]:
    yield Case("mask one pixel short", "PAIR_SIZE", in_mask(lambda mask: mask[:, 1:]))
    yield Case("mask of half the size", "PAIR_SIZE", in_mask(lambda mask: mask[::2, ::2]))
    yield Case("mask with swapped sides", "PAIR_TRANSPOSED", in_mask(lambda mask: mask.T.copy()))
    yield Case("missing mask", "MASK_MISSING", _missing)
    yield Case("orphan mask", "MASK_ORPHAN", _orphan)
    yield Case(
        "two images of one name", "PAIR_AMBIGUOUS", lambda root: save(image_file(root, "img_3.bmp"), picture(33))
    )
    yield Case("names differ in case", "NAME_CASE", _case)
    yield Case("masks with a suffix", "", _suffix)
    yield Case("names with dots", "", lambda root: _renamed(root, "scan.v1.2"))
    yield Case("mask is the image", "PAIR_IDENTICAL", lambda root: save(mask_file(root), picture(3)))


def _missing(root: Path) -> Path:
    mask_file(root).unlink()
    return image_file(root)


def _orphan(root: Path) -> Path:
    image_file(root).unlink()
    return mask_file(root)


def _case(root: Path) -> Path:
    mask_file(root).rename(mask_file(root, "IMG_3.png"))
    return image_file(root)


def _suffix(root: Path) -> Path:
    for path in sorted((root / "masks").iterdir()):
        path.rename(path.with_stem(path.stem + "_mask"))
    return image_file(root)


def _renamed(root: Path, stem: str, mask_stem: str | None = None) -> Path:
    mask_file(root).rename(mask_file(root, f"{mask_stem or stem}.png"))
    return image_file(root).rename(image_file(root, f"{stem}.png"))
