"""What all layouts share: folders of images beside folders of masks, paired into samples and written back."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from segue.data.grouping import groups
from segue.data.index import Index, Problem, Sample
from segue.data.pairing import Pairs, pair, separate
from segue.data.parallel import Update, silent
from segue.data.walk import pictures
from segue.errors import DataError

IMAGE_FOLDERS = (
    *("images", "image", "imgs", "img", "photos", "photo", "pictures", "jpegimages", "jpegs", "rgb", "input", "inputs"),
    *("frames", "x"),
)
MASK_FOLDERS = (
    *("masks", "mask", "labels", "label", "annotations", "annotation", "gt", "groundtruth", "ground_truth", "manual"),
    *("segmentation", "segmentations", "segmentationclass", "segmaps", "targets", "target", "y"),
)
SPLIT_FOLDERS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
SPLIT_OF = {alias: split for split, names in SPLIT_FOLDERS.items() for alias in names}  # by folder name in lower case
_LONGEST_FIRST = sorted(SPLIT_OF, key=len, reverse=True)
_SPLIT_WORD = re.compile(rf"(?:^|[_\-.])({'|'.join(_LONGEST_FIRST)})(?=[_\-.\d]|$)", re.IGNORECASE)


@runtime_checkable
class Writer(Protocol):
    """Writes an index to a new folder, telling `update` how far it is."""

    def __call__(self, index: Index, root: Path, update: Update = silent) -> None:
        """Raises `DataError` when the layout cannot hold the data or the folder is not empty."""


@dataclass(frozen=True)
class Format:
    """One layout: does a folder have it, read it, write an index in it.

    `sniff` looks at the names of folders and files, and at most at the beginning and end of one file; of genuine data
    sets it is true for one layout only. `read` takes the root and a template of the masks' names. `write` takes a new
    folder and is told whom to tell how far it is; images are copied byte for byte, and so are masks that the layout can
    hold as they are. Reading back what was written gives the same samples below another root.

    Four facts say what a layout has a place for: `splits` (parts of the data), `names` (of the classes), `ignore`
    (pixels that are not labelled) and `unlabelled` (images without a mask). `single_objects` says that its annotations
    tell the objects of a class apart, which masks do not; `templated`, that its masks may be named by a template.
    """

    sniff: Callable[[Path], bool]
    read: Callable[[Path, str], Index]
    write: Writer
    splits: bool = True
    names: bool = True
    ignore: bool = True
    unlabelled: bool = True
    single_objects: bool = False
    templated: bool = True


@dataclass(frozen=True)
class Part:
    """An image folder with its mask folder (the same one when they lie side by side, None when there are no masks)."""

    images: Path
    masks: Path | None
    split: str = ""
    group: str = ""


def subfolders(root: Path) -> list[str]:
    """Names of the visible folders in `root`, links left out, sorted."""
    with os.scandir(root) as entries:
        return sorted(e.name for e in entries if e.is_dir(follow_symlinks=False) and not e.name.startswith("."))


def named(root: Path, names: tuple[str, ...]) -> Path | None:
    """The subfolder of `root` called by one of `names` in any case.

    Raises:
        DataError: there are several.
    """
    found = [name for name in subfolders(root) if name.lower() in names]
    if len(found) > 1:
        raise DataError(
            f"{root}: expected one of the folders {' and '.join(found)}, found both; give the two paths you mean"
        )
    return root / found[0] if found else None


def split_named(name: str, folder: str = "") -> str:
    """The split that a word in a file's name tells, else its folder's name; empty when neither does.

    >>> split_named("instances_train2017"), split_named("data", "valid"), split_named("constraint")
    ('train', 'val', '')
    """
    found = _SPLIT_WORD.search(name)
    return SPLIT_OF[found[1].lower()] if found else SPLIT_OF.get(folder.lower(), "")


def images_and_masks(folder: Path) -> tuple[Path, Path] | None:
    """The image and the mask folder in `folder`, or `folder` twice when both kinds of file lie side by side in it."""
    images, masks = named(folder, IMAGE_FOLDERS), named(folder, MASK_FOLDERS)
    if images and masks:
        return images, masks
    if images or masks or not separate(pictures(folder).files)[1]:
        return None
    return folder, folder


def read_parts(root: Path, format: str, parts: list[Part], mask_name: str) -> Index:
    """Pair the files of every part and gather them as one data set."""
    drafts: list[tuple[Sample, str]] = []
    problems: list[Problem] = []
    for part in parts:
        paired = _pairs(part, mask_name)
        below = part.images.relative_to(root).as_posix()
        prefix = "" if below == "." else f"{below}/"
        problems += paired.problems
        for image, mask in paired.pairs:
            folder = "/".join(filter(None, (part.group, image.rpartition("/")[0])))
            masked = part.masks / mask if part.masks and mask else None
            drafts.append((Sample(id_of(prefix + image), part.images / image, masked, part.split), folder))
    named_groups = groups([sample.id for sample, _ in drafts], [folder for _, folder in drafts])
    samples = [
        Sample(sample.id, sample.image, sample.mask, sample.split, group)
        for (sample, _), group in zip(drafts, named_groups, strict=True)
    ]
    return Index(root, format, tuple(sorted(samples, key=lambda sample: sample.id)), tuple(problems))


def _pairs(part: Part, mask_name: str) -> Pairs:
    images = pictures(part.images)
    if part.masks is None:
        return Pairs([(name, None) for name in images.files], images.problems)
    if part.masks == part.images:
        photos, masks = separate(images.files, mask_name)
        found = pair(part.images, photos, part.masks, masks, mask_name)
    else:
        masks_listing = pictures(part.masks)
        inside = f"{part.masks.relative_to(part.images).as_posix()}/" if part.masks.is_relative_to(part.images) else "/"
        photos = [name for name in images.files if not name.startswith(inside)]
        found = pair(part.images, photos, part.masks, masks_listing.files, mask_name)
        images.problems += masks_listing.problems
    return Pairs(found.pairs, images.problems + found.problems)


def id_of(path: str) -> str:
    """A sample's id: its image's path below the root without ending, the same on every system, always valid UTF-8."""
    name = path.rpartition(".")[0]
    return name if name.isascii() else unicodedata.normalize("NFC", name).encode("utf-8", "backslashreplace").decode()


def ungrouped(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """Samples that are photographs of their own, whose numbered names look like frames of one video."""
    return tuple(replace(sample, group=sample.id) for sample in samples)


def neutral_names(index: Index) -> dict[str, str]:
    """A relative name per sample id, free of the folders that belong to the layout: `train/images/a` becomes `a`.

    Names stay unique within a split; where dropping folders would make two alike, ids are kept whole.
    """
    years = {f"{split}{year}" for split in ("train", "val", "test") for year in (2014, 2015, 2017)}
    splits = {name for names in SPLIT_FOLDERS.values() for name in names}
    layout_words = {*IMAGE_FOLDERS, *MASK_FOLDERS, *splits, *years, "leftimg8bit"}
    short = {sample.id: _without(sample.id, layout_words) for sample in index.samples}
    taken = Counter((sample.split, short[sample.id]) for sample in index.samples)
    return {s.id: short[s.id] if taken[s.split, short[s.id]] == 1 else s.id for s in index.samples}


def _without(name: str, words: set[str]) -> str:
    *folders, stem = name.split("/")
    return "/".join([folder for folder in folders if folder.lower() not in words] + [stem])


def new_folder(root: Path) -> None:
    """Make the folder a data set is written to.

    Raises:
        DataError: it exists and is not empty.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise DataError(f"{root}: expected a new or empty folder to write to, found files in it; choose another")
    root.mkdir(parents=True, exist_ok=True)


def copy_pair(sample: Sample, images: Path, masks: Path, name: str) -> None:
    """Copy a sample's files to `images/name` and `masks/name`, each keeping its own ending."""
    copy_file(sample.image, images / name)
    if sample.mask is not None:
        copy_file(sample.mask, masks / name)


def copy_file(source: Path, target: Path) -> Path:
    """Copy a file byte for byte to `target` plus its own ending, and return where it is now."""
    path = target.with_name(target.name + source.suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, path)
    return path


def need_splits(index: Index, format: str) -> None:
    """Raise `DataError` when a sample has no split and the layout cannot be written without."""
    if without := [sample.id for sample in index.samples if not sample.split]:
        raise DataError(
            f"{index.root}: the layout {format} needs a split for every image, {len(without)} have none "
            f"(such as {without[0]}); hold some out with --val-fraction 0.3, or write the layout folders"
        )
