"""COCO's annotation files (https://cocodataset.org/#format-data): finding them, and what is common to all kinds.

root/annotations/instances_train2017.json   root/train2017/ or root/images/train2017/      COCO, CVAT, Datumaro
root/train/_annotations.coco.json           root/train/                                    Roboflow
root/result.json                            root/images/                                   Label Studio
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segue.data.formats.json_file import entries, glance, read_json
from segue.data.formats.layout import SPLIT_OF, split_named, subfolders
from segue.data.formats.located import Locator, several
from segue.errors import DataError

_OTHER_TASKS = ("captions_", "person_keypoints_", "image_info_")
_MOST_FILES = 50  # JSON files in one folder; labelme has one for each image


@dataclass(frozen=True)
class Document:
    """One annotation file: its split, its content, and the hash of its bytes."""

    path: Path
    split: str
    content: dict[str, Any]
    digest: bytes

    def entries(self, key: str) -> list[dict[str, Any]]:
        """The objects under `key`; raises `DataError` when there is no list of them."""
        return entries(self.content, key, self.path)


@dataclass(frozen=True)
class Listed:
    """An image an annotation file lists; `key` is its id there, `size` (height, width) where it is declared."""

    key: Any
    name: str
    size: tuple[int, int] | None


def annotation_files(root: Path, kind: str) -> list[Path]:
    """The files of one kind, "coco" (outlines) or "coco_panoptic"; `instances_...` alone where there are such."""
    found = [path for path in _json_files(root) if _kind(path) == kind]
    instances = [path for path in found if path.name.startswith("instances_")]
    return instances or found


def documents(root: Path, kind: str) -> list[Document]:
    """Read all files of a kind.

    Raises:
        DataError: there is none, or one cannot be read.
    """
    paths = annotation_files(root, kind)
    if not paths:
        wanted = (
            "annotations/panoptic_train2017.json" if kind == "coco_panoptic" else "annotations/instances_train.json"
        )
        raise DataError(
            f"{root}: expected COCO's JSON with images, annotations and categories, such as {wanted}, found "
            f"{several([path.name for path in _json_files(root)]) or 'no JSON file'}; put it there"
        )
    return [_document(root, path) for path in paths]


def listed_images(document: Document) -> list[Listed]:
    """The images of a file.

    Raises:
        DataError: an entry has no id or file name, or its size is not whole numbers.
    """
    return [_listed(entry, number, document) for number, entry in enumerate(document.entries("images"))]


def categories(documents: Sequence[Document]) -> dict[str, list[int] | None]:
    """The categories' names in the order of their ids, each with its colour where the files give one.

    Categories of one name are one, whatever their ids; those of the first file come first.

    Raises:
        DataError: a category has no id or name, or two of different names have one id.
    """
    names: dict[str, list[int] | None] = {}
    for document in documents:
        rows = document.entries("categories")
        for row in rows:
            if type(row.get("id")) is not int or not isinstance(row.get("name"), str) or not row["name"]:
                raise DataError(f"{document.path}: expected categories with id and name, got {str(row)[:80]}")
        taken = {row["id"]: row["name"] for row in rows}
        if both := next((row for row in rows if row["name"] != taken[row["id"]]), None):
            raise DataError(
                f"{document.path}: expected a category for each id, got {both['name']!r} and {taken[both['id']]!r} "
                f"with id {both['id']}; correct one of them"
            )
        for row in sorted(rows, key=lambda row: row["id"]):
            names.setdefault(row["name"], row.get("color"))
    return names


def locator(root: Path, document: Document) -> Locator:
    """Where the images of a file may lie: in a folder named as the file is, beside it, or in a folder of images."""
    part = document.path.stem.partition("_")[2]
    bases = [root / part, root / "images" / part, document.path.parent] if part else [document.path.parent]
    if document.split:
        bases += [root / name for name in subfolders(root) if SPLIT_OF.get(name.lower()) == document.split]
    return Locator(root, [*bases, root / "images" / document.split, root / "images", root])


def _json_files(root: Path) -> list[Path]:
    folders = [root, root / "annotations", *(root / name for name in subfolders(root) if name.lower() in SPLIT_OF)]
    found = []
    for folder in (folder for folder in folders if folder.is_dir()):
        paths = sorted(path for path in folder.glob("*.json") if path.is_file() and not path.name.startswith("."))
        found += paths if len(paths) <= _MOST_FILES else []
    return found


def _kind(path: Path) -> str:
    """What an annotation file holds: "coco", "coco_panoptic", or "" when it is something else."""
    for start, kind in (("instances_", "coco"), ("panoptic_", "coco_panoptic")):
        if path.name.startswith(start):
            return kind
    keys = glance(path)
    if path.name.startswith(_OTHER_TASKS) or not keys.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return ""
    if b'"categories"' not in keys or (b'"images"' not in keys and b'"annotations"' not in keys):
        return ""
    return "coco_panoptic" if b'"segments_info"' in keys else "coco"


def _document(root: Path, path: Path) -> Document:
    content, raw = read_json(path)
    folder = path.parent.name if path.parent != root else ""
    return Document(path, split_named(path.stem, folder), content, hashlib.sha256(raw).digest())


def _listed(entry: dict[str, Any], number: int, document: Document) -> Listed:
    key, name = entry.get("id"), entry.get("file_name")
    height, width = entry.get("height"), entry.get("width")
    sized = height is not None and width is not None
    whole = all(isinstance(side, (int, float)) and side > 0 and side % 1 == 0 for side in (height, width))
    if not isinstance(key, (int, str)) or not isinstance(name, str) or (sized and not whole):
        raise DataError(
            f"{document.path}: expected images with id, file_name, height and width, got entry {number}: "
            f"{str(entry)[:100]}"
        )
    return Listed(key, name, (int(height), int(width)) if height and width else None)
