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

from segue.data.formats.layout import Format, Part, copy_pair, need_splits, neutral_names, new_folder, read_parts
from segue.data.index import SPLITS, Index, Problem
from segue.errors import DataError

NAMES = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)

_IMAGES, _MASKS, _LISTS = "JPEGImages", "SegmentationClass", "ImageSets/Segmentation"
_VOC_NAME = re.compile(r"20\d\d_\d{6}")


def sniff(root: Path) -> bool:
    """Whether the three folders are there."""
    return all((root / name).is_dir() for name in (_IMAGES, _MASKS, _LISTS))


def read(root: Path, mask_name: str = "") -> Index:
    """Read the layout; see `Format`. Adds the problems `LIST_MISSING` (no such image) and `LIST_TWICE` (two splits).

    Raises:
        DataError: a folder is missing, or no list names an image.
    """
    if not sniff(root):
        raise DataError(f"{root}: expected the folders {_IMAGES}, {_MASKS} and {_LISTS}, one is missing; add it")
    splits, problems = _lists(root / _LISTS)
    index = read_parts(root, "voc", [Part(root / _IMAGES, root / _MASKS)], mask_name)
    by_name = {sample.id.partition("/")[2]: sample for sample in index.samples}
    samples = tuple(replace(by_name[name], split=splits[name]) for name in sorted(splits) if name in by_name)
    listed = {sample.image for sample in samples}
    problems += [_no_image(root, name) for name in sorted(splits) if name not in by_name]
    problems += [p for p in index.problems if p.path in listed or p.code not in ("MASK_MISSING", "MASK_ORPHAN")]
    known = all(_VOC_NAME.fullmatch(name) for name in splits)
    return replace(index, samples=samples, problems=tuple(problems), names=NAMES if known else ())


def write(index: Index, root: Path) -> None:
    """Copy the files to `JPEGImages` and `SegmentationClass` and write the lists."""
    need_splits(index, "voc")
    names = neutral_names(index)
    if len(set(names.values())) < len(names):
        names = {sample.id: f"{sample.split}-{names[sample.id]}" for sample in index.samples}
    new_folder(root)
    (root / _LISTS).mkdir(parents=True)
    for sample in index.samples:
        copy_pair(sample, root / _IMAGES, root / _MASKS, names[sample.id])
    for split in SPLITS:
        if listed := [names[sample.id] for sample in index.of(split)]:
            _write_list(root / _LISTS / f"{split}.txt", listed)


def _write_list(path: Path, names: list[str]) -> None:
    path.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


def _lists(folder: Path) -> tuple[dict[str, str], list[Problem]]:
    """The split of every listed name."""
    splits: dict[str, str] = {}
    problems = []
    for split in SPLITS:
        for name in _names(folder / f"{split}.txt"):
            if splits.setdefault(name, split) != split:
                message = f"{name} is listed in {splits[name]} and in {split}; it counts as {splits[name]}"
                path = folder / f"{split}.txt"
                problems.append(Problem("LIST_TWICE", "error", path, message, "take the name off one of the lists"))
    if not {"train", "val"} & set(splits.values()):
        splits |= {name: "" for name in _names(folder / "trainval.txt") if name not in splits}
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
    message = f"{name} is listed, but there is no such image in {_IMAGES}"
    return Problem("LIST_MISSING", "error", root / _IMAGES / name, message, "add the image, or take it off the list")


VOC = Format(sniff, read, write)
