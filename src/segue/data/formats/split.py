"""A data set that is already split: the split's folder stands above or below the image and mask folders.

root/train/images/a.jpg  root/train/masks/a.png  root/val/…  root/test/…      also valid/, validation/, …
root/images/train/a.jpg  root/masks/train/a.png  root/images/val/…
"""

from __future__ import annotations

from pathlib import Path

from segue.data.formats.claims import is_claimed
from segue.data.formats.layout import (
    IMAGE_FOLDERS,
    MASK_FOLDERS,
    SPLIT_FOLDERS,
    Format,
    Part,
    copy_pair,
    images_and_masks,
    named,
    need_splits,
    neutral_names,
    new_folder,
    read_parts,
    subfolders,
)
from segue.data.index import Index, Sample
from segue.data.parallel import Update, for_each, silent
from segue.errors import DataError


def sniff(root: Path) -> bool:
    """Whether there is a train folder with images and masks, or a train folder inside both."""
    return not is_claimed(root) and bool(_parts(root))


def read(root: Path, mask_name: str = "") -> Index:
    """Read the layout; see `Format`.

    Raises:
        DataError: no train folder with images and masks was found.
    """
    parts = _parts(root)
    if not parts:
        raise DataError(
            f"{root}: expected train/images and train/masks, or images/train and masks/train, "
            f"found {', '.join(subfolders(root)) or 'no folders'}; rename the folders"
        )
    return read_parts(root, "split", parts, mask_name)


def write(index: Index, root: Path, update: Update = silent) -> None:
    """Copy the files to `root/<split>/images` and `root/<split>/masks`."""
    need_splits(index, "split")
    new_folder(root)
    names = neutral_names(index)

    def copy(sample: Sample) -> None:
        copy_pair(sample, root / sample.split / "images", root / sample.split / "masks", names[sample.id])

    for_each(copy, index.samples, update)


def _parts(root: Path) -> list[Part]:
    parts = _above(root) or _below(root)
    return parts if any(part.split == "train" and part.masks for part in parts) else []


def _above(root: Path) -> list[Part]:
    """train/images, train/masks; a test folder may hold images alone."""
    parts = []
    for split, names in SPLIT_FOLDERS.items():
        if folder := named(root, names):
            pair = images_and_masks(folder)
            images = pair[0] if pair else named(folder, IMAGE_FOLDERS)
            parts += [Part(images, pair[1] if pair else None, split)] if images else []
    return parts


def _below(root: Path) -> list[Part]:
    """images/train, masks/train."""
    images, masks = named(root, IMAGE_FOLDERS), named(root, MASK_FOLDERS)
    if not images or not masks:
        return []
    found = [(split, named(images, names), named(masks, names)) for split, names in SPLIT_FOLDERS.items()]
    return [Part(photos, labels, split) for split, photos, labels in found if photos]


SPLIT = Format(sniff, read, write, names=False)
