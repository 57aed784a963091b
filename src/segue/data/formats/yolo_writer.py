"""Masks written as YOLO's outlines, one line for each connected region.

    root/data.yaml  root/images/train/a.jpg  root/labels/train/a.txt

Outlines run along the edges of the pixels. A hole is joined to its outline by a path there and back, as Ultralytics'
own converters do, so reading gives the same mask. Nothing is drawn for the background, and nothing can be for what is
not labelled: it becomes background.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from segue.data.classes import Classes
from segue.data.drawn.outline import shapes
from segue.data.formats.categories import drawn_classes
from segue.data.formats.labels import Ids, class_ids, labelled, settle
from segue.data.formats.layout import copy_file, need_splits, neutral_names, new_folder
from segue.data.index import SPLITS, Index, Sample
from segue.data.parallel import Update, for_each, silent


def write(index: Index, root: Path, update: Update = silent) -> None:
    """Copy the labelled images, write their objects and the YAML file; images without a mask are left out.

    Raises:
        DataError: a sample has no split.
    """
    need_splits(index, "yolo")
    classes, names, samples = settle(index), neutral_names(index), labelled(index)
    new_folder(root)

    def put(sample: Sample) -> None:
        place = Path(sample.split) / names[sample.id]
        copy_file(sample.image, root / "images" / place)
        text = root / "labels" / place.with_name(f"{place.name}.txt")
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_text("".join(lines(class_ids(sample, classes), classes)), encoding="ascii")

    for_each(put, samples, update)
    parts = {split: f"images/{split}" for split in SPLITS if any(sample.split == split for sample in samples)}
    named = {number: name for number, (_, name) in enumerate(drawn_classes(classes))}
    content = yaml.safe_dump({**parts, "names": named}, sort_keys=False, allow_unicode=True)
    (root / "data.yaml").write_text(content, encoding="utf-8")


def lines(ids: Ids, classes: Classes) -> list[str]:
    """A line for each region: its class, counted without the background, and its outline."""
    height, width = ids.shape
    return [
        f"{kind} " + " ".join(f"{x / width:.7g} {y / height:.7g}" for x, y in shape.joined().tolist()) + "\n"
        for kind, (number, _) in enumerate(drawn_classes(classes))
        for shape in shapes(ids == number)
    ]
