"""Masks written as labelme's JSON files: a polygon for each connected region, a bitmap for one that has holes.

    root/train/a.jpg  root/train/a.json          root/a.jpg  root/a.json without splits          root/labels.txt

Outlines run along the edges of the pixels, so reading them gives the same masks. Nothing is drawn for the background.
"""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from segue.data.classes import IGNORE, Classes
from segue.data.drawn.outline import Shape, shapes
from segue.data.drawn.polygon import fill
from segue.data.formats.categories import drawn_classes
from segue.data.formats.labels import Ids, class_ids, refuse_names, settle
from segue.data.formats.layout import copy_file, neutral_names, new_folder
from segue.data.index import Index, Sample
from segue.data.parallel import Update, for_each, silent

LABELS, IGNORED = "labels.txt", "__ignore__"
_VERSION = "5.5.0"  # of labelme, whose files these are like


def write(index: Index, root: Path, update: Update = silent) -> None:
    """Copy the images and write their shapes; images without a mask get no file of shapes."""
    classes, names = settle(index), neutral_names(index)
    refuse_names(classes.names, lambda name: name == IGNORED or name != name.strip(), LABELS)
    new_folder(root)

    def put(sample: Sample) -> None:
        image = copy_file(sample.image, root / sample.split / names[sample.id])
        if sample.mask is not None:
            content = page(class_ids(sample, classes), classes, image.name)
            image.with_suffix(".json").write_text(json.dumps(content, indent=2, ensure_ascii=False), encoding="utf-8")

    for_each(put, index.samples, update)
    lines = [IGNORED, "_background_", *(name for _, name in drawn_classes(classes))]
    (root / LABELS).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def page(ids: Ids, classes: Classes, image: str) -> dict[str, Any]:
    """What labelme saves for an image with these labels."""
    height, width = ids.shape
    drawn = [*drawn_classes(classes), (IGNORE, IGNORED)]
    return {
        "version": _VERSION,
        "flags": {},
        "shapes": [_shape(one, label, height, width) for number, label in drawn for one in shapes(ids == number)],
        "imagePath": image,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }


def _shape(one: Shape, label: str, height: int, width: int) -> dict[str, Any]:
    rest: dict[str, Any] = {"group_id": None, "description": "", "flags": {}}
    if not one.holes:
        points = one.outer.astype(float).tolist()
        return {"label": label, "points": points, **rest, "shape_type": "polygon", "mask": None}
    region = fill(one.joined().astype(float), height, width)
    rows, columns = region.inside.shape
    corners = [[region.left, region.top], [region.left + columns - 1, region.top + rows - 1]]
    points = [[float(x), float(y)] for x, y in corners]
    return {"label": label, "points": points, **rest, "shape_type": "mask", "mask": _encoded(region.inside)}


def _encoded(inside: np.ndarray) -> str:
    """A bitmap as labelme stores it: PNG of 8-bit grey, 0 and 1, in base64."""
    file = io.BytesIO()
    Image.fromarray(inside.astype(np.uint8)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode("ascii")
