"""How data sets lie on disk. One file per layout: `sniff(root)`, `read(root, mask_name)`, `write(index, root)`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from segue.data.formats.layout import Format, subfolders
from segue.data.index import Index
from segue.data.opening import ENDINGS
from segue.errors import DataError, UsageError
from segue.table import Table

FORMATS = Table(
    "format",
    __name__,
    folders="folders:FOLDERS",
    split="split:SPLIT",
    camvid="camvid:CAMVID",
    voc="voc:VOC",
    cityscapes="cityscapes:CITYSCAPES",
    ade20k="ade20k:ADE20K",
    coco_stuff="coco_stuff:COCO_STUFF",
    cvat="cvat:CVAT",
    coco="coco:COCO",
    coco_panoptic="coco_panoptic:COCO_PANOPTIC",
    labelme="labelme:LABELME",
    yolo="yolo:YOLO",
    hf="hf:HF",
    listing="listing:LISTING",
)

MOST_TRIED = 50  # folders on one level that are looked into for a suggestion; each is listed whole


def open_index(paths: Sequence[Path], format: str = "auto", mask_name: str = "") -> Index:
    """Read what a data set holds, without opening its images. Masks of outlines are drawn into the cache once.

    Args:
        paths: one folder in any known layout, an image folder and a mask folder, or a CSV file that lists pairs.
        format: a row of `FORMATS`, or "auto" to look at the folder.
        mask_name: file name of a mask without its ending, such as `{stem}_mask`; found from the names when empty.

    Raises:
        UsageError: no path or more than two, an unknown format, a wrong template.
        DataError: the folder is missing, fits no layout or several (a folder up to two levels below it that fits one is
            named), or no mask fits an image.

    >>> open_index([Path("photos"), Path("masks")])  # doctest: +SKIP
    """
    if len(paths) not in (1, 2):
        raise UsageError(f"paths: expected one data folder, or an image and a mask folder, got {len(paths)} paths")
    if len(paths) == 1 and paths[0].suffix.lower() == ".csv" and paths[0].is_file():
        return _checked(_read_file(paths[0], format, mask_name))
    for path in paths:
        if not path.is_dir():
            found = "a file" if path.exists() else "nothing there"
            raise DataError(f"{path}: expected a folder with images and masks, found {found}; check the path")
    if len(paths) == 2:
        return _checked(_read_two(paths[0], paths[1], format, mask_name))
    name = _fitting(paths[0], bool(mask_name)) if format == "auto" else format
    layout: Format = FORMATS[name]
    if mask_name and not layout.templated:
        raise UsageError(f"mask_name: expected none, since the layout {name} says itself where masks are; leave it out")
    return _checked(layout.read(paths[0], mask_name))


def _read_file(path: Path, format: str, mask_name: str) -> Index:
    from segue.data.formats.listing import read_listing

    if format not in ("auto", "listing"):
        raise UsageError(f"format: expected listing for a CSV file, got {format!r}; give a folder instead")
    if mask_name:
        raise UsageError("mask_name: expected none, since the listing says itself where masks are; leave it out")
    return read_listing(path)


def _read_two(images: Path, masks: Path, format: str, mask_name: str) -> Index:
    from segue.data.formats.folders import read_two

    if format not in ("auto", "folders"):
        raise UsageError(
            f"format: expected folders for an image and a mask folder, got {format!r}; give one root instead"
        )
    return read_two(images, masks, mask_name)


def _fitting(root: Path, templated: bool) -> str:
    """The one layout that fits; with a template, a folder without structure holds images and masks side by side."""
    fitting = [name for name in FORMATS if FORMATS[name].sniff(root)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise DataError(f"{root}: expected one layout, found {' and '.join(fitting)}; choose with --data.format")
    if templated:
        return "folders"
    below = _fitting_below(root)
    meant = f"did you mean {' or '.join(below[:3])}?" if below else ""
    raise DataError(
        f"{root}: expected images/ and masks/, train/ and val/ with both in each, CamVid's train/ and trainannot/, "
        "Pascal VOC's JPEGImages/ and SegmentationClass/, or another layout of segue list formats; "
        f"found {_seen(root)}; {meant or 'give the image folder and the mask folder as two paths'}"
    )


def _fitting_below(root: Path) -> list[str]:
    """The folders one level below `root`, else two levels below, that have a layout of their own."""
    level = [root]
    for _ in range(2):
        level = [below for folder in level for below in _folders_in(folder)][:MOST_TRIED]
        if fitting := [str(folder) for folder in level if _has_layout(folder)]:
            return fitting
    return []


def _folders_in(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in subfolders(folder)]
    except OSError:
        return []


def _has_layout(folder: Path) -> bool:
    try:
        return any(FORMATS[name].sniff(folder) for name in FORMATS)
    except (DataError, OSError):  # a folder that cannot be read, or read in two ways, is no suggestion
        return False


def _seen(root: Path) -> str:
    folders = subfolders(root)
    links = sorted(path.name for path in root.iterdir() if path.is_symlink() and path.is_dir())
    files = sum(path.name.lower().endswith(ENDINGS) for path in root.iterdir())
    shown = ", ".join([f"{name}/" for name in folders[:6]] + [f"{name} (a link, not followed)" for name in links[:3]])
    return f"{files} pictures and {f'the folders {shown}' if shown else 'no folders'}"


def _checked(index: Index) -> Index:
    """Refuse a data set without a single pair: a warning per file would bury the reason."""
    if any(sample.mask for sample in index.samples):
        return index
    if not index.samples and not index.problems:
        raise DataError(f"{index.root}: expected images ({' '.join(ENDINGS)}), found none; check the path")
    first = index.problems[0] if index.problems else None
    if first and first.code.startswith("ANN_"):
        raise DataError(f"{first.path}: {first.message}; {first.remedy} (nothing else could be drawn)")
    reason = f"{first.path.name}: {first.message}" if first else "there are no masks"
    raise DataError(
        f"{index.root}: expected masks named like their images, none of {len(index.samples)} images has one "
        f"({reason}); say how masks are named with --data.mask_name, such as '{{stem}}_mask'"
    )
