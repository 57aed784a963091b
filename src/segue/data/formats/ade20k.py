"""ADE20K as the Scene Parsing benchmark has it (https://arxiv.org/abs/1608.05442): 150 classes, 0 is anything else.

    root/images/training/ADE_train_00000001.jpg       root/annotations/training/ADE_train_00000001.png
    root/images/validation/ADE_val_00000001.jpg       root/annotations/validation/ADE_val_00000001.png
    root/objectInfo150.txt

0 is not labelled, as in the benchmark. The full data set (one folder per scene, with parts) is another layout.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from segue.data.formats.labels import save_ids, to_published
from segue.data.formats.layout import (
    Format,
    Part,
    copy_file,
    need_splits,
    neutral_names,
    new_folder,
    read_parts,
    subfolders,
    ungrouped,
)
from segue.data.index import Index, Sample
from segue.data.parallel import Update, for_each, silent
from segue.data.published import colours_by_value, names_by_value, not_counted
from segue.data.walk import first_file
from segue.errors import DataError

_TABLE = "ade20k"
_FOLDERS = {"train": "training", "val": "validation", "test": "testing"}
_INFO = "objectInfo150.txt"
_NAME = re.compile(r"ADE_(train|val|test)_\d{8}\..+")


def sniff(root: Path) -> bool:
    """Whether `images/training` and `annotations/training` hold files named as ADE20K's, or its table lies beside."""
    masks = root / "annotations" / "training"
    if not masks.is_dir() or not (root / "images" / "training").is_dir():
        return False
    return (root / _INFO).is_file() or bool(_NAME.fullmatch(first_file(masks)))


def read(root: Path, mask_name: str = "") -> Index:
    """Read the layout; see `Format`.

    Raises:
        DataError: there are no `images/training` and `annotations/training`.
    """
    images, masks = root / "images", root / "annotations"
    if not all((folder / "training").is_dir() for folder in (images, masks)):
        raise DataError(
            f"{root}: expected images/training beside annotations/training, found "
            f"{', '.join(subfolders(root)) or 'no folders'}; unpack ADEChallengeData2016.zip and give that folder"
        )
    parts = [
        Part(images / folder, masks / folder if (masks / folder).is_dir() else None, split)
        for split, folder in _FOLDERS.items()
        if (images / folder).is_dir()
    ]
    index = read_parts(root, "ade20k", parts, mask_name)
    return replace(
        index,
        samples=ungrouped(index.samples),
        names=names_by_value(_TABLE),
        ignore=not_counted(_TABLE),
        colours=colours_by_value(_TABLE),
    )


def write(index: Index, root: Path, update: Update = silent) -> None:
    """Copy the images and write masks in ADE20K's numbers, and its table of classes.

    Raises:
        DataError: a sample has no split, or the data has a class ADE20K does not have.
    """
    need_splits(index, "ade20k")
    ids_of = None if index.format == "ade20k" else to_published(index, _TABLE)
    names = neutral_names(index)
    new_folder(root)

    def put(sample: Sample) -> None:
        folder, name = _FOLDERS[sample.split], names[sample.id]
        copy_file(sample.image, root / "images" / folder / name)
        mask = root / "annotations" / folder / name
        if sample.mask is not None and ids_of is None:
            copy_file(sample.mask, mask)
        elif sample.mask is not None and ids_of is not None:
            save_ids(mask.with_name(f"{mask.name}.png"), ids_of(sample))

    for_each(put, index.samples, update)
    rows = [f"{value}\t{name}" for value, name in enumerate(names_by_value(_TABLE)) if value]
    (root / _INFO).write_text("\n".join(["Idx\tName", *rows]) + "\n", encoding="utf-8")


ADE20K = Format(sniff, read, write)
