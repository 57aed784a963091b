"""CVAT's "Segmentation mask 1.1" (https://docs.cvat.ai): Pascal VOC's folders with a table of labels and colours.

    root/labelmap.txt                                  name:red,green,blue:parts:actions, one label per line
    root/SegmentationClass/frame_000000.png            masks in those colours
    root/JPEGImages/frame_000000.jpg                   there when the images were exported too
    root/ImageSets/Segmentation/default.txt            one name without ending per line; train.txt, val.txt are splits

A label called `ignored` means "not labelled". Outlines of single objects (SegmentationObject) are not used.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from segue.data.classes import IGNORE, Classes
from segue.data.formats.labels import class_ids, refuse_names, settle
from segue.data.formats.layout import SPLIT_OF, Format, copy_file, new_folder
from segue.data.formats.voc import IMAGES, LISTS, MASKS, listed_names, read_listed, write_lists
from segue.data.index import SPLITS, Index, Sample
from segue.data.palettes import distinct_colours
from segue.data.parallel import Update, for_each, silent
from segue.data.published import Colour
from segue.errors import DataError

LABELS = "labelmap.txt"
IGNORED, _IGNORED_COLOUR = "ignored", (224, 224, 192)  # VOC's colour of a border
_LINE = re.compile(r"(.+?):(?:(\d+),(\d+),(\d+))?:[^:]*:[^:]*")


def sniff(root: Path) -> bool:
    """Whether `labelmap.txt` lies beside `SegmentationClass/` and the lists."""
    return (root / LABELS).is_file() and (root / MASKS).is_dir() and (root / LISTS).is_dir()


def read(root: Path, mask_name: str = "") -> Index:
    """Read the layout; see `Format`.

    Raises:
        DataError: a file or folder is missing, the table of labels cannot be read, or no list names an image.
    """
    if not sniff(root):
        raise DataError(f"{root}: expected {LABELS}, {MASKS}/ and {LISTS}/, one is missing; export the task again")
    if not (root / IMAGES).is_dir():
        raise DataError(
            f"{root}: expected the images in {IMAGES}/, found no such folder; export with 'Save images', or add them"
        )
    labels = read_labels(root / LABELS)
    lists = sorted(path.stem for path in (root / LISTS).glob("*.txt"))
    index = read_listed(root, "cvat", {name: SPLIT_OF.get(name.lower(), "") for name in lists}, mask_name)
    ignore = tuple(value for value, name in enumerate(labels) if name == IGNORED)
    return replace(index, names=tuple(labels), colours=tuple(labels.values()), ignore=ignore)


def read_labels(path: Path) -> dict[str, Colour]:
    """The labels of a `labelmap.txt` with their colours, in order; those without a colour get Pascal VOC's.

    Raises:
        DataError: a line is not `name:red,green,blue:parts:actions`, or a name or colour stands there twice.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a text file with labels, cannot read it ({error})") from None
    labels: dict[str, Colour] = {}
    for line in (line for line in lines if line and not line.startswith("#")):
        found = _LINE.fullmatch(line)
        if not found or found[1] in labels or any(int(band or 0) > 255 for band in found.groups()[1:]):
            raise DataError(f"{path}: expected lines name:red,green,blue:: with each name once, got {line!r}")
        spare = distinct_colours(len(labels) + 1)[-1]
        labels[found[1]] = (int(found[2]), int(found[3]), int(found[4])) if found[2] else spare
    if len(set(labels.values())) < len(labels) or not labels:
        raise DataError(f"{path}: expected labels with a colour each, got {len(labels)} with a colour twice or none")
    return labels


def write(index: Index, root: Path, update: Update = silent) -> None:
    """Copy the images, write masks in the class colours, the table of labels and the lists."""
    own, names = index.format == "cvat", listed_names(index)
    classes = None if own else settle(index)
    labels = dict(zip(index.names, index.colours, strict=True)) if classes is None else _labels(classes)
    new_folder(root)

    def put(sample: Sample) -> None:
        copy_file(sample.image, root / IMAGES / names[sample.id])
        mask = root / MASKS / names[sample.id]
        if sample.mask is not None and classes is None:
            copy_file(sample.mask, mask)
        elif sample.mask is not None and classes is not None:
            _save_colours(mask.with_name(f"{mask.name}.png"), class_ids(sample, classes), tuple(labels.values()))

    for_each(put, index.samples, update)
    lines = [f"{name}:{','.join(map(str, colour))}::" for name, colour in labels.items()]
    (root / LABELS).write_text("\n".join(["# label:color_rgb:parts:actions", *lines]) + "\n", encoding="utf-8")
    parts = {split or "default": [names[sample.id] for sample in index.of(split)] for split in (*SPLITS, "")}
    write_lists(root, parts)


def _labels(classes: Classes) -> dict[str, Colour]:
    """Names and colours that differ, the last of them for what is not labelled."""
    refuse_names(classes.names, lambda name: name == IGNORED or name.startswith("#") or name != name.strip(), LABELS)
    colours = classes.palette
    if len({*colours, _IGNORED_COLOUR}) <= len(colours):
        colours = distinct_colours(len(classes))
    return {**dict(zip(classes.names, colours, strict=True)), IGNORED: _IGNORED_COLOUR}


def _save_colours(path: Path, ids: np.ndarray, colours: tuple[Colour, ...]) -> None:
    table = np.zeros((256, 3), np.uint8)
    table[: len(colours) - 1] = colours[:-1]
    table[IGNORE] = colours[-1]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(table[ids]).save(path, "PNG")


CVAT = Format(sniff, read, write)
