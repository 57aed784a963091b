"""Images in one folder, masks in another: `images/` and `masks/`, or such a pair in each of several group folders.

root/images/a.jpg  root/masks/a.png                      also labels/, annotations/, gt/, manual/, ... for masks
root/Tile 1/images/a.jpg  root/Tile 1/masks/a.png        folders one level up are groups
root/a.jpg  root/a_mask.png                              side by side
photos/a.jpg  drawings/a.png                             two paths, any names
"""

from __future__ import annotations

from pathlib import Path

from segue.data.formats.claims import is_claimed
from segue.data.formats.layout import (
    SPLIT_FOLDERS,
    Format,
    Part,
    copy_pair,
    images_and_masks,
    neutral_names,
    new_folder,
    read_parts,
    subfolders,
)
from segue.data.index import Index, Sample
from segue.data.parallel import Update, for_each, silent
from segue.errors import DataError

_SPLIT_NAMES = {name for names in SPLIT_FOLDERS.values() for name in names}


def sniff(root: Path) -> bool:
    """Whether there is an image folder beside a mask folder, and no split."""
    return not is_claimed(root) and bool(_parts(root))


def read(root: Path, mask_name: str = "") -> Index:
    """Read the layout; see `Format`.

    Raises:
        DataError: there are no two such folders, and no files named like masks of others.
    """
    parts = _parts(root) or ([Part(root, root)] if mask_name else [])
    if not parts:
        raise DataError(
            f"{root}: expected an image folder (images/) beside a mask folder (masks/), "
            f"found {', '.join(subfolders(root)) or 'no folders'}; give the two folders as two paths"
        )
    return read_parts(root, "folders", parts, mask_name)


def read_two(images: Path, masks: Path, mask_name: str = "") -> Index:
    """Read an image folder and a mask folder that may lie anywhere; ids start with the image folder's name."""
    images, masks = images.absolute(), masks.absolute()
    return read_parts(images.parent, "folders", [Part(images, masks)], mask_name)


def write(index: Index, root: Path, update: Update = silent) -> None:
    """Copy the files to `root/images` and `root/masks`; folders that are groups stay below both."""
    new_folder(root)
    names = neutral_names(index)
    several = len(set(names.values())) < len(names)

    def copy(sample: Sample) -> None:
        name = f"{sample.split}-{names[sample.id]}" if several and sample.split else names[sample.id]
        copy_pair(sample, root / "images", root / "masks", name)

    for_each(copy, index.samples, update)


def _parts(root: Path) -> list[Part]:
    below = subfolders(root)
    if any(name.lower() in _SPLIT_NAMES for name in below):
        return []
    if pair := images_and_masks(root):
        split_inside = any(name.lower() in _SPLIT_NAMES for name in subfolders(pair[0]))
        return [] if split_inside else [Part(*pair)]
    pairs = [(name, images_and_masks(root / name)) for name in below if not is_claimed(root / name)]
    return [Part(*pair, group=name) for name, pair in pairs if pair]


FOLDERS = Format(sniff, read, write, splits=False, names=False)
