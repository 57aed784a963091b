"""Masks written as COCO instances: each connected region an object, in outlines where it has no hole.

    root/train/a.jpg  root/annotations/instances_train.json      images/ and instances_default.json without splits

Outlines run along the edges of the pixels, so reading them gives the same masks, here and in pycocotools. A region with
holes is written in run lengths, and so is what is not labelled: as a crowd, which COCO ignores.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from segue.data.classes import IGNORE, Classes
from segue.data.drawn import rle
from segue.data.drawn.outline import Shape, shapes
from segue.data.drawn.polygon import Region, cut_out, fill
from segue.data.formats.categories import drawn_classes
from segue.data.formats.labels import Ids, class_ids, labelled, settle
from segue.data.formats.layout import copy_file, neutral_names, new_folder
from segue.data.index import SPLITS, Index, Sample
from segue.data.parallel import Update, for_each, silent

Entry = dict[str, Any]


def write(index: Index, root: Path, update: Update = silent) -> None:
    """Copy the labelled images and write the annotations; images without a mask are left out.

    An image without objects is, in COCO, all background, which is not what a missing mask means.
    """
    classes = settle(index)
    names, samples = neutral_names(index), labelled(index)
    new_folder(root)

    def put(sample: Sample) -> tuple[Entry, list[Entry]]:
        image = copy_file(sample.image, root / (sample.split or "images") / names[sample.id])
        ids = class_ids(sample, classes)
        file_name = image.relative_to(root / (sample.split or "images")).as_posix()
        return {"file_name": file_name, "height": ids.shape[0], "width": ids.shape[1]}, objects(ids, classes)

    written = for_each(put, samples, update)
    for split in (*SPLITS, ""):
        part = [one for sample, one in zip(samples, written, strict=True) if sample.split == split]
        if part:
            _write_json(root / "annotations" / f"instances_{split or 'default'}.json", part, category_rows(classes))


def objects(ids: Ids, classes: Classes) -> list[Entry]:
    """The annotations of one mask, without their ids."""
    found: list[Entry] = []
    height, width = ids.shape
    for category, (number, _) in enumerate(drawn_classes(classes), 1):
        found += [_object(shape, category, height, width) for shape in shapes(ids == number)]
    ignored = ids == IGNORE
    if ignored.any():
        found.append({"category_id": 1, "iscrowd": 1, **_in_runs(cut_out(ignored), height, width)})
    return found


def category_rows(classes: Classes) -> list[Entry]:
    """The categories, numbered from 1."""
    return [
        {"id": category, "name": name, "supercategory": "", "color": list(classes.palette[number])}
        for category, (number, name) in enumerate(drawn_classes(classes), 1)
    ]


def _object(shape: Shape, category: int, height: int, width: int) -> Entry:
    if shape.holes:
        region = fill(shape.joined().astype(float), height, width)
        return {"category_id": category, "iscrowd": 0, **_in_runs(region, height, width)}
    low, high = shape.outer.min(axis=0), shape.outer.max(axis=0)
    return {
        "category_id": category,
        "iscrowd": 0,
        "area": fill(shape.outer.astype(float), height, width).area,
        "bbox": [*low.tolist(), *(high - low).tolist()],
        "segmentation": [shape.outer.ravel().tolist()],
    }


def _in_runs(region: Region, height: int, width: int) -> Entry:
    rows, columns = region.inside.shape
    counts = rle.encode_part(region.inside, region.top, region.left, height, width)
    return {
        "area": region.area,
        "bbox": [region.left, region.top, columns, rows],
        "segmentation": {"size": [height, width], "counts": rle.pack(counts)},
    }


def _write_json(path: Path, part: list[tuple[Entry, list[Entry]]], categories: list[Entry]) -> None:
    images = [{"id": number, **image} for number, (image, _) in enumerate(part, 1)]
    found = [{"image_id": number, **entry} for number, (_, entries) in enumerate(part, 1) for entry in entries]
    content = {
        "info": {"description": "written by segue convert"},
        "licenses": [],
        "images": images,
        "annotations": [{"id": number, **entry} for number, entry in enumerate(found, 1)],
        "categories": categories,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
