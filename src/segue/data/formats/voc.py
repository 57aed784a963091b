"""Pascal VOC's segmentation layout (http://host.robots.ox.ac.uk/pascal/VOC/voc2012): lists name each split's images.

    root/JPEGImages/2007_000032.jpg  root/SegmentationClass/2007_000032.png
    root/ImageSets/Segmentation/train.txt  val.txt  trainval.txt        one name without ending per line

Images on no list are left out: most of VOC has no masks. `trainval.txt` is read only where there is no train.txt and no
val.txt. Other data sets use the layout too, so VOC's class names hold only where every image is named like VOC's own.
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
    ungrouped,
)
from segue.data.index import SPLITS, Index, Problem, Sample
from segue.data.parallel import Update, for_each, silent
from segue.data.published import colours_by_value, names_by_value
from segue.errors import DataError

IMAGES, MASKS, LISTS = "JPEGImages", "SegmentationClass", "ImageSets/Segmentation"
_VOC_NAME = re.compile(r"20\d\d_\d{6}")


def sniff(root: Path) -> bool:
    """Whether the three folders are there, and no list of labels as CVAT writes it."""
    return all((root / name).is_dir() for name in (IMAGES, MASKS, LISTS)) and not (root / "labelmap.txt").exists()


def read(root: Path, mask_name: str = "") -> Index:
    """Read the layout; see `Format`. Adds the problems `LIST_MISSING` (no such image) and `LIST_TWICE` (two splits).

    Raises:
        DataError: a folder is missing, or no list names an image.
    """
    if not all((root / name).is_dir() for name in (IMAGES, MASKS, LISTS)):
        raise DataError(f"{root}: expected the folders {IMAGES}, {MASKS} and {LISTS}, one is missing; add it")
    lists = {split: split for split in SPLITS}
    if not any((root / LISTS / f"{split}.txt").exists() for split in ("train", "val")):
        lists["trainval"] = ""
    index = read_listed(root, "voc", lists, mask_name)
    if not index.samples or not all(_VOC_NAME.fullmatch(sample.image.stem) for sample in index.samples):
        return index
    samples = ungrouped(index.samples)
    return replace(index, samples=samples, names=names_by_value("voc"), colours=colours_by_value("voc"))


def read_listed(root: Path, format: str, lists: dict[str, str], mask_name: str = "") -> Index:
    """Read the images that lists name, and their masks.

    Args:
        root: the folder with `JPEGImages`, `SegmentationClass` and `ImageSets/Segmentation`.
        format: what the index is called.
        lists: the split of the images on each list, by the list's name without `.txt`; the first list wins.
        mask_name: template of the masks' names.

    Raises:
        DataError: no list names an image.
    """
    splits, problems = _splits(root / LISTS, lists)
    index = read_parts(root, format, [Part(root / IMAGES, root / MASKS)], mask_name)
    by_name = {sample.id.partition("/")[2]: sample for sample in index.samples}
    samples = tuple(replace(by_name[name], split=splits[name]) for name in sorted(splits) if name in by_name)
    listed = {sample.image for sample in samples}
    problems += [_no_image(root, name) for name in sorted(splits) if name not in by_name]
    problems += [p for p in index.problems if p.path in listed or p.code not in ("MASK_MISSING", "MASK_ORPHAN")]
    return replace(index, samples=samples, problems=tuple(problems))


def write(index: Index, root: Path, update: Update = silent) -> None:
    """Copy the files to `JPEGImages` and `SegmentationClass` and write the lists."""
    need_splits(index, "voc")
    names = listed_names(index)
    new_folder(root)

    def copy(sample: Sample) -> None:
        copy_pair(sample, root / IMAGES, root / MASKS, names[sample.id])

    for_each(copy, index.samples, update)
    write_lists(root, {split: [names[sample.id] for sample in index.of(split)] for split in SPLITS})


def listed_names(index: Index) -> dict[str, str]:
    """A name per sample id that is unique over all splits, which share one folder here."""
    names = neutral_names(index)
    if len(set(names.values())) == len(names):
        return names
    return {sample.id: f"{sample.split or 'all'}-{names[sample.id]}" for sample in index.samples}


def write_lists(root: Path, lists: dict[str, list[str]]) -> None:
    """Write `ImageSets/Segmentation/<list>.txt`, one name per line; empty lists are left out."""
    (root / LISTS).mkdir(parents=True)
    for list_name, names in lists.items():
        if names:
            (root / LISTS / f"{list_name}.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


def _splits(folder: Path, lists: dict[str, str]) -> tuple[dict[str, str], list[Problem]]:
    """The split of every listed name."""
    splits: dict[str, str] = {}
    problems = []
    for list_name, split in lists.items():
        for name in _names(folder / f"{list_name}.txt"):
            if splits.setdefault(name, split) != split and split:
                message = f"{name} is listed in {splits[name]} and in {split}; it counts as {splits[name]}"
                path = folder / f"{list_name}.txt"
                problems.append(Problem("LIST_TWICE", "error", path, message, "take the name off one of the lists"))
    if not splits:
        raise DataError(f"{folder}: expected train.txt and val.txt with image names, found none; write the lists")
    return splits, problems


def _names(path: Path) -> list[str]:
    return (
        [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        if path.exists()
        else []
    )


def _no_image(root: Path, name: str) -> Problem:
    message = f"{name} is listed, but there is no such image in {IMAGES}"
    return Problem("LIST_MISSING", "error", root / IMAGES / name, message, "add the image, or take it off the list")


VOC = Format(sniff, read, write, names=False)
