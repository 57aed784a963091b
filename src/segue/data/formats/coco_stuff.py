"""COCO-Stuff (https://arxiv.org/abs/1612.03716) as pixel maps: 171 things and stuffs, 255 is not labelled.

    root/images/train2017/000000000009.jpg      root/annotations/train2017/000000000009.png
    root/images/val2017/000000000139.jpg        root/annotations/val2017/000000000139.png

The maps (stuffthingmaps_trainval2017.zip) may also lie in `stuffthingmaps/`, and the images' folders at the root. They
count 182 classes from 0, eleven of which were never drawn. Maps in the numbers of other code (`_labelTrainIds`) are
left out.
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
from segue.data.published import names_by_value, not_counted
from segue.data.walk import first_file
from segue.errors import DataError

_TABLE = "coco_stuff"
_MAPS = ("annotations", "stuffthingmaps", "stuffthingmaps_trainval2017")
_PART = re.compile(r"(train|val|test)20\d\d")
_NAME = re.compile(r"(COCO_\w+_)?\d{12}(_labelTrainIds)?\.png")
_OTHER_CODE = ("_labelTrainIds", "_instanceTrainIds")


def sniff(root: Path) -> bool:
    """Whether there are folders such as `train2017` with pixel maps named by COCO's numbers, and images beside."""
    return any(_NAME.fullmatch(first_file(part.masks)) for part in _parts(root) if part.masks)


def read(root: Path, mask_name: str = "") -> Index:
    """Read the layout; see `Format`.

    Raises:
        DataError: no folder of images has one of maps beside it.
    """
    parts = _parts(root)
    if not any(part.masks for part in parts):
        raise DataError(
            f"{root}: expected images/train2017 beside annotations/train2017, found "
            f"{', '.join(subfolders(root)) or 'no folders'}; unpack stuffthingmaps_trainval2017.zip into annotations/"
        )
    index = read_parts(root, "coco_stuff", parts, mask_name or "{stem}")
    problems = tuple(found for found in index.problems if not found.path.stem.endswith(_OTHER_CODE))
    samples = ungrouped(index.samples)
    return replace(index, samples=samples, problems=problems, names=names_by_value(_TABLE), ignore=not_counted(_TABLE))


def write(index: Index, root: Path, update: Update = silent) -> None:
    """Copy the images and write pixel maps; images that are not named by COCO's numbers are numbered.

    Raises:
        DataError: a sample has no split, or the data has a class COCO-Stuff does not have.
    """
    need_splits(index, "coco_stuff")
    ids_of = None if index.format == "coco_stuff" else to_published(index, _TABLE)
    names = _numbered(neutral_names(index))
    new_folder(root)

    def put(sample: Sample) -> None:
        folder, name = f"{sample.split}2017", names[sample.id]
        copy_file(sample.image, root / "images" / folder / name)
        mask = root / "annotations" / folder / name
        if sample.mask is not None and ids_of is None:
            copy_file(sample.mask, mask)
        elif sample.mask is not None and ids_of is not None:
            save_ids(mask.with_name(f"{mask.name}.png"), ids_of(sample))

    for_each(put, index.samples, update)


def _numbered(names: dict[str, str]) -> dict[str, str]:
    if all(_NAME.fullmatch(f"{name}.png") for name in names.values()):
        return names
    return {sample_id: f"{number:012d}" for number, sample_id in enumerate(names)}


def _parts(root: Path) -> list[Part]:
    """The folders of images with those of maps: `train2017` and so on, below `images/` or at the root."""
    images = next((folder for folder in (root / "images", root) if _years(folder)), None)
    maps = next((root / name for name in _MAPS if _years(root / name)), None)
    if images is None or maps is None or images == maps:
        return []
    return [Part(images / name, maps / name if (maps / name).is_dir() else None, name[:-4]) for name in _years(images)]


def _years(folder: Path) -> list[str]:
    return [name for name in subfolders(folder) if _PART.fullmatch(name)] if folder.is_dir() else []


COCO_STUFF = Format(sniff, read, write)
