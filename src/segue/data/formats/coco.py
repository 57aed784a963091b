"""COCO instances (https://arxiv.org/abs/1405.0312): outlines or run lengths of objects, drawn into masks once.

    root/annotations/instances_train2017.json   root/train2017/000000000009.jpg   also root/images/train2017/

The folders and names of Roboflow, CVAT and Label Studio are found, too (`coco_json`). Class 0 is the background, the
categories follow in the order of their ids. Larger objects are drawn first, so that smaller ones lie over them; crowds
are not labelled where no object lies over them; what has a box but no outline is not labelled.
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

from segue.data.classes import IGNORE
from segue.data.doctor.codes import problem
from segue.data.drawn.cache import Drawing
from segue.data.drawn.polygon import Region, fill
from segue.data.drawn.shapes import BrokenShapeError, box, painted, points_of, runs
from segue.data.formats.categories import Categories, categories_of
from segue.data.formats.coco_json import Document, annotation_files, categories, documents, listed_images, locator
from segue.data.formats.coco_writer import write
from segue.data.formats.drawing import Draft, drawn_index, image_stamp, size_of
from segue.data.formats.layout import Format
from segue.data.formats.located import several, unlisted
from segue.data.index import Index, Problem
from segue.errors import DataError


def sniff(root: Path) -> bool:
    """Whether there is a JSON file with COCO's keys, and none of its annotations are panoptic."""
    return bool(annotation_files(root, "coco"))


def read(root: Path, mask_name: str = "") -> Index:
    """Read the layout; see `Format`.

    Findings about annotations have the codes `ANN_...`.

    Raises:
        DataError: there is no such file, it is damaged, it holds boxes only, or none of its images is there.
    """
    files = documents(root, "coco")
    named = categories_of(categories(files), files[0].path, background=True)
    drafts: list[Draft] = []
    problems: list[Problem] = []
    for document in files:
        drafts += _drafts(root, document, named, problems)
    if not drafts:
        raise DataError(f"{files[0].path}: expected the images it names below {root}, found none of them; add them")
    if not any(entry.get("segmentation") for document in files for entry in document.entries("annotations")):
        raise DataError(f"{files[0].path}: expected outlines under 'segmentation', got boxes only; export outlines")
    problems += unlisted(draft.image for draft in drafts)
    sizeless = any(listed.size is None for document in files for listed in listed_images(document))
    stamps = [image_stamp(draft.image, root) for draft in drafts] if sizeless else []
    return drawn_index(root, "coco", drafts, named, (*(file.digest for file in files), *stamps), problems)


def _drafts(root: Path, document: Document, named: Categories, problems: list[Problem]) -> list[Draft]:
    objects: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for entry in document.entries("annotations"):
        objects[_key(entry, "image_id")].append(entry)
    values = {row["id"]: named.value(row["name"]) for row in document.entries("categories")}
    places = locator(root, document)
    drafts: list[Draft] = []
    gone: list[str] = []
    for listed in listed_images(document):
        path = places.find(listed.name)
        annotations = objects.pop(listed.key, [])
        if path is None:
            gone.append(listed.name)
            continue
        draw = partial(draw_objects, path, listed.size, annotations, values)
        drafts.append(Draft(path, document.split, listed.name.replace("\\", "/").rpartition("/")[0], draw))
    if gone:
        text = f"{len(gone)} of {len(gone) + len(drafts)} images it names are not there: {several(gone)}"
        problems.append(problem("ANN_IMAGE", document.path, text))
    if objects:
        text = f"{len(objects)} image ids, such as {next(iter(objects))}, have objects but are not listed as images"
        problems.append(problem("ANN_IMAGE", document.path, text))
    problems += places.problems
    return drafts


def _key(entry: dict[str, Any], name: str) -> int | str | None:
    """The id an annotation refers to; None for what can be no id."""
    value = entry.get(name)
    value = int(value) if isinstance(value, float) and value.is_integer() else value  # as tables write whole numbers
    return value if isinstance(value, (int, str)) else None


def draw_objects(
    image: Path, size: tuple[int, int] | None, annotations: list[dict[str, Any]], values: dict[Any, int]
) -> Drawing:
    """The mask of one image: crowds and boxes not labelled, then objects, the largest first."""
    height, width = size_of(image, size)
    unclear: list[Region] = []
    objects: list[tuple[int, list[Region]]] = []
    findings: list[tuple[str, str]] = []
    for entry in annotations:
        regions = _regions(entry, height, width, findings)
        value = values.get(_key(entry, "category_id"), IGNORE)
        if value == IGNORE:
            text = f"annotation {entry.get('id')}: expected a listed category, got id {entry.get('category_id')!r}"
            findings.append(("ANN_CATEGORY", text))
        if not regions:
            unclear += _boxed(entry, height, width)
        elif entry.get("iscrowd") or value == IGNORE:
            unclear += regions
        else:
            objects.append((value, regions))
    objects.sort(key=lambda one: -sum(region.area for region in one[1]))
    return painted(height, width, [(IGNORE, unclear), *objects], findings)


def _regions(entry: dict[str, Any], height: int, width: int, findings: list[tuple[str, str]]) -> list[Region]:
    """The pixels of one object; what cannot be drawn of it is added to `findings`."""
    outline = entry.get("segmentation")
    regions = []
    try:
        if isinstance(outline, dict):
            return [runs(outline.get("counts"), outline.get("size"), height, width)]
        if not isinstance(outline, list) or not outline:
            raise BrokenShapeError("ANN_SHAPE", "expected an outline, got a box")
        for part in outline if isinstance(outline[0], list) else [outline]:
            regions.append(fill(points_of(part), height, width))
    except BrokenShapeError as broken:
        findings.append((broken.code, f"annotation {entry.get('id')}: {broken}"))
    return regions


def _boxed(entry: dict[str, Any], height: int, width: int) -> list[Region]:
    """The box of an object without an outline."""
    numbers = entry.get("bbox")
    if not isinstance(numbers, list) or len(numbers) != 4:
        return []
    try:
        x, y, wide, high = (float(number) for number in numbers)
        return [box((x, y), (x + wide, y + high), height, width)]
    except (TypeError, ValueError, OverflowError, BrokenShapeError):
        return []


COCO = Format(sniff, read, write, unlabelled=False, single_objects=True, templated=False)
