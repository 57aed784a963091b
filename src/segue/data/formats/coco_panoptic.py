"""COCO panoptic (https://arxiv.org/abs/1801.00868): PNG files of segment ids, and what each segment is.

    root/annotations/panoptic_train2017.json   root/annotations/panoptic_train2017/000000000009.png   root/train2017/

A pixel's segment is red + 256 green + 65536 blue. Classes are the categories in the order of their ids; 0 (void) is
not labelled, and neither is an id the JSON does not explain. Crowds keep their class: they are drawn exactly, too.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from segue.data.classes import IGNORE, Classes
from segue.data.doctor.codes import problem
from segue.data.drawn.cache import BrokenAnnotationError, Drawing
from segue.data.formats.categories import categories_of
from segue.data.formats.coco_json import Document, annotation_files, categories, documents, listed_images, locator
from segue.data.formats.drawing import Draft, drawn_index, file_stamp
from segue.data.formats.labels import Ids, class_ids, labelled, settle
from segue.data.formats.layout import Format, copy_file, neutral_names, new_folder
from segue.data.formats.located import Locator, several, unlisted
from segue.data.image import read_mask
from segue.data.index import SPLITS, Index, Problem, Sample
from segue.data.parallel import Update, for_each, silent
from segue.data.survey import packed_pixels
from segue.errors import DataError


def sniff(root: Path) -> bool:
    """Whether there is a JSON file with COCO's keys and annotations that list segments."""
    return bool(annotation_files(root, "coco_panoptic"))


def read(root: Path, mask_name: str = "") -> Index:
    """Read the layout; see `Format`.

    Raises:
        DataError: there is no such file, it is damaged, or the PNG files or all images are missing.
    """
    files = documents(root, "coco_panoptic")
    named = categories_of(categories(files), files[0].path, background=False)
    drafts: list[Draft] = []
    problems: list[Problem] = []
    stamps: list[bytes] = []
    for document in files:
        values = {row["id"]: named.value(row["name"]) for row in document.entries("categories")}
        drafts += _drafts(root, document, values, problems, stamps)
    if not drafts:
        raise DataError(f"{files[0].path}: expected the images it names below {root}, found none of them; add them")
    problems += unlisted(draft.image for draft in drafts)
    digests = [document.digest for document in files]
    return drawn_index(root, "coco_panoptic", drafts, named, (*digests, *stamps), problems)


def _drafts(
    root: Path, document: Document, values: dict[int, int], problems: list[Problem], stamps: list[bytes]
) -> list[Draft]:
    """The images of one file; the stamps of their PNG files are added to `stamps`."""
    segments = {str(entry.get("image_id")): entry for entry in document.entries("annotations")}
    places, maps = locator(root, document), _maps(root, document)
    drafts: list[Draft] = []
    gone: list[str] = []
    for listed in listed_images(document):
        path, entry = places.find(listed.name), segments.get(str(listed.key))
        if path is None:
            gone.append(listed.name)
            continue
        png = maps.find(str(entry.get("file_name"))) if entry else None
        if png is not None:
            stamps.append(file_stamp(png, root))
        draw = partial(draw_segments, png, entry, values) if entry else None
        drafts.append(Draft(path, document.split, listed.name.rpartition("/")[0], draw))
    if gone:
        text = f"{len(gone)} of {len(gone) + len(drafts)} images it names are not there: {several(gone)}"
        problems.append(problem("ANN_IMAGE", document.path, text))
    problems += places.problems
    return drafts


def _maps(root: Path, document: Document) -> Locator:
    """Where the PNG files lie: in a folder called like the JSON file."""
    stem = document.path.stem
    found = Locator(root, [document.path.with_suffix(""), root / stem, root / "annotations" / stem])
    if found.bases:
        return found
    archive = document.path.with_suffix(".zip")
    todo = f"unpack {archive.name} beside it" if archive.is_file() else "put them there"
    raise DataError(
        f"{document.path.with_suffix('')}: expected a folder with PNG files of segments, found none; {todo}"
    )


def draw_segments(png: Path | None, entry: dict[str, Any], values: dict[int, int]) -> Drawing:
    """The mask of one image: the class of each pixel's segment."""
    if png is None:
        raise BrokenAnnotationError(
            "ANN_FILE", f"expected its segments in {entry.get('file_name')}, found no such file"
        )
    try:
        raw = read_mask(png)
    except DataError as error:
        raise BrokenAnnotationError("ANN_FILE", str(error)) from None
    red_first = packed_pixels(raw) if raw.ndim == 3 else raw.astype(np.int32) * 0x010101
    ids = red_first >> 16 | red_first & 0xFF00 | (red_first & 255) << 16
    wanted, findings = _values(entry, values)
    present, inverse = np.unique(ids, return_inverse=True)
    strange = [number for number in present.tolist() if number not in wanted and number != 0]
    if strange:
        text = f"{len(strange)} segments of {png.name}, such as {strange[0]}, are not in segments_info"
        findings.append(("ANN_CATEGORY", text))
    table = np.array([wanted.get(number, IGNORE) for number in present.tolist()], np.uint8)
    return Drawing(table[inverse].reshape(ids.shape), tuple(findings))


def _values(entry: dict[str, Any], values: dict[int, int]) -> tuple[dict[int, int], list[tuple[str, str]]]:
    """The mask value of each segment."""
    wanted: dict[int, int] = {}
    findings = []
    rows = entry.get("segments_info")
    for row in rows if isinstance(rows, list) else []:
        number, category = (row.get("id"), row.get("category_id")) if isinstance(row, dict) else (None, None)
        if type(number) is not int or type(category) is not int or category not in values:
            findings.append(("ANN_CATEGORY", f"segment {number}: expected a listed category, got id {category}"))
        else:
            wanted[number] = values[category]
    return wanted, findings


def write(index: Index, root: Path, update: Update = silent) -> None:
    """Copy the labelled images; write one segment for each class of an image, void where it is not labelled."""
    classes, names, samples = settle(index), neutral_names(index), labelled(index)
    new_folder(root)

    def put(sample: Sample) -> tuple[dict[str, Any], dict[str, Any]]:
        folder = root / (sample.split or "images")
        image = copy_file(sample.image, folder / names[sample.id])
        ids = class_ids(sample, classes)
        png = f"{names[sample.id]}.png"
        _save_segments(root / "annotations" / f"panoptic_{sample.split or 'default'}" / png, ids)
        listed = {"file_name": image.relative_to(folder).as_posix(), "height": ids.shape[0], "width": ids.shape[1]}
        return listed, {"file_name": png, "segments_info": _segments(ids)}

    written = for_each(put, samples, update)
    for split in (*SPLITS, ""):
        part = [one for sample, one in zip(samples, written, strict=True) if sample.split == split]
        if part:
            _write_json(root / "annotations" / f"panoptic_{split or 'default'}.json", part, classes)


def _save_segments(path: Path, ids: Ids) -> None:
    """Class `i` as segment `i + 1`, in the red channel alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    segments = np.zeros((*ids.shape, 3), np.uint8)
    segments[..., 0] = np.where(ids == IGNORE, 0, ids + 1)
    Image.fromarray(segments).save(path, "PNG")


def _segments(ids: Ids) -> list[dict[str, Any]]:
    rows = []
    for number in (number for number in np.unique(ids).tolist() if number != IGNORE):
        place = np.argwhere(ids == number)
        (top, left), (bottom, right) = place.min(axis=0).tolist(), place.max(axis=0).tolist()
        box = [left, top, right + 1 - left, bottom + 1 - top]
        rows.append({"id": number + 1, "category_id": number + 1, "area": len(place), "bbox": box, "iscrowd": 0})
    return rows


def _write_json(path: Path, part: list[tuple[dict[str, Any], dict[str, Any]]], classes: Classes) -> None:
    content = {
        "info": {"description": "written by segue convert"},
        "licenses": [],
        "images": [{"id": number, **image} for number, (image, _) in enumerate(part, 1)],
        "annotations": [{"image_id": number, **entry} for number, (_, entry) in enumerate(part, 1)],
        "categories": [
            {"id": number + 1, "name": name, "supercategory": "", "isthing": 0, "color": list(classes.palette[number])}
            for number, name in enumerate(classes.names)
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


COCO_PANOPTIC = Format(sniff, read, write, unlabelled=False, single_objects=True, templated=False)
