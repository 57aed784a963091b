"""YOLO's outlines (https://docs.ultralytics.com/datasets/segment): a text file for each image, a YAML file for the set.

    root/data.yaml                     train: images/train   val: images/val   names: {0: person, 1: car}
    root/images/train/a.jpg            root/labels/train/a.txt          one object per line: class x y x y x y ...

Also `train/images` beside `train/labels` (Roboflow), and lists of images. Coordinates are shares of width and height.
Class 0 is the background, the names follow. An image without a text file holds no object. Larger objects are drawn
first; a box (four numbers) is not labelled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import yaml

from segue.data.classes import IGNORE
from segue.data.doctor.codes import problem
from segue.data.drawn.cache import BrokenAnnotationError, Drawing
from segue.data.drawn.polygon import Region, fill
from segue.data.drawn.shapes import BrokenShapeError, box, painted, points_of
from segue.data.formats.categories import categories_of
from segue.data.formats.drawing import Draft, drawn_index, image_stamp, size_of
from segue.data.formats.layout import Format
from segue.data.formats.located import Locator, several
from segue.data.formats.yolo_writer import write
from segue.data.index import SPLITS, Index, Problem
from segue.data.parallel import in_order
from segue.data.walk import pictures
from segue.errors import DataError

_MOST_BYTES = 64 * 2**20  # of one text file
_MOST_YAML = 2**18
_FARTHEST = 2.0  # times the image's side: what reaches beyond is no share, but most likely in pixels


@dataclass(frozen=True)
class Sheet:
    """The YAML file of a set: where it is, its keys, and the folder its paths start from."""

    path: Path
    content: dict[str, Any]
    base: Path


def sniff(root: Path) -> bool:
    """Whether a YAML file at the root has names and says where the images of a part are."""
    return bool(_sheets(root))


def read(root: Path, mask_name: str = "") -> Index:
    """Read the layout; see `Format`.

    Raises:
        DataError: there is no such YAML file or several, it names no image that is there, or no object has an outline.
    """
    sheet = _sheet(root)
    named = categories_of(dict.fromkeys(_names(sheet)), sheet.path, background=True)
    values = [named.value(name) for name in _names(sheet)]
    problems: list[Problem] = []
    images = [(split, path) for split in SPLITS for path in _images(root, sheet, split, problems)]
    if not images:
        raise DataError(f"{sheet.path}: expected images below {root}, found none where it says; correct train and val")
    texts = list(in_order(partial(_text, root), [_label_file(root, path) for _, path in images]))
    if not any(len(line.split()) > 6 for text in texts for line in text.splitlines()):
        raise DataError(f"{sheet.path}: expected outlines in labels/, got none (a box is no outline); export outlines")
    drafts = [
        Draft(path, split, "", partial(draw_lines, path, text, values))
        for (split, path), text in zip(images, texts, strict=True)
    ]
    content = [
        hashlib.sha256(text).digest() + image_stamp(path, root) for text, (_, path) in zip(texts, images, strict=True)
    ]
    return drawn_index(root, "yolo", drafts, named, content, problems)


def _sheets(root: Path) -> list[Sheet]:
    """The YAML files that describe a set of images."""
    found = []
    for path in sorted([*root.glob("*.yaml"), *root.glob("*.yml")]):
        content = _yaml(path)
        if "names" in content and any(isinstance(content.get(part), (str, list)) for part in SPLITS):
            found.append(Sheet(path, content, _base(root, content)))
    return found


def _yaml(path: Path) -> dict[str, Any]:
    """The keys of a YAML file; none where it is something else."""
    try:
        if path.stat().st_size > _MOST_YAML:
            return {}
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text) if "names" in text else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _base(root: Path, content: dict[str, Any]) -> Path:
    """Where paths start: at `path` when that is a folder of this data set, which it is not on another machine."""
    told = content.get("path")
    base = root / told if isinstance(told, str) else root
    inside = base.is_dir() and base.resolve().is_relative_to(root.resolve())
    return base if inside else root


def _sheet(root: Path) -> Sheet:
    sheets = _sheets(root)
    if len(sheets) != 1:
        found = f"{len(sheets)}: {several([sheet.path.name for sheet in sheets])}" if sheets else "none"
        raise DataError(
            f"{root}: expected one YAML file with names, train and val, found {found}; keep the one you mean"
        )
    return sheets[0]


def _names(sheet: Sheet) -> list[str]:
    """The class names by number.

    Raises:
        DataError: they are neither a list nor numbered from 0 without a gap.
    """
    names = sheet.content["names"]
    if isinstance(names, dict) and sorted(names, key=str) == sorted(range(len(names)), key=str):
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list) or not all(isinstance(name, (str, int)) for name in names):
        raise DataError(f"{sheet.path}: expected names as a list or by number from 0, got a {type(names).__name__}")
    return [str(name) for name in names]


def _images(root: Path, sheet: Sheet, split: str, problems: list[Problem]) -> Iterator[Path]:
    """The images of one part: of its folders, and those its lists name."""
    told = sheet.content.get("val" if split == "val" else split)
    for entry in [told] if isinstance(told, str) else told if isinstance(told, list) else []:
        place = _place(root, sheet, str(entry))
        if place is None and split != "test":  # which tools name whether there is one or not
            text = f"{split} is in {entry}, which is not there or lies outside the data"
            problems.append(problem("ANN_IMAGE", sheet.path, text))
        elif place is not None and place.is_dir():
            listing = pictures(place)
            problems += listing.problems
            yield from (place / name for name in listing.files)
        elif place is not None:
            yield from _listed(root, sheet, place, problems)


def _place(root: Path, sheet: Sheet, entry: str) -> Path | None:
    """A folder or list of the set; `../train/images`, as Roboflow writes it, is meant from the YAML file's folder."""
    parts = [part for part in PurePosixPath(entry.replace("\\", "/")).parts if part not in ("..", "/")]
    for path in (sheet.base.joinpath(*parts), root.joinpath(*parts)):
        if path.exists() and path.resolve().is_relative_to(root.resolve()):
            return path
    return None


def _listed(root: Path, sheet: Sheet, path: Path, problems: list[Problem]) -> Iterator[Path]:
    """The images that a text file names, a path from its own folder or the set's on each line."""
    places = Locator(root, [path.parent, sheet.base, root])
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a list of images, cannot read it ({error})") from None
    gone = []
    for line in lines:
        found = places.find(line.removeprefix("./"))
        if found is not None:
            yield found
        else:
            gone.append(line)
    if gone:
        problems.append(problem("ANN_IMAGE", path, f"{len(gone)} images it lists are not there: {several(gone)}"))


def _label_file(root: Path, image: Path) -> Path:
    """The text file of an image: `labels` in the place of the last `images` in its path, else beside it."""
    parts = list(image.relative_to(root).parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == "images":
            parts[place] = "labels"
            break
    return root.joinpath(*parts).with_suffix(".txt")


def _text(root: Path, path: Path) -> bytes:
    """What a text file holds; nothing where there is none, or where a link leads out of the data."""
    try:
        if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
            return b""
        with path.open("rb") as file:
            return file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise DataError(f"{path}: expected a text file of objects, cannot read it ({error.strerror})") from None


def draw_lines(image: Path, text: bytes, values: list[int]) -> Drawing:
    """The mask of one image: boxes and unknown classes not labelled, then objects, the largest first."""
    if len(text) > _MOST_BYTES:
        raise BrokenAnnotationError("ANN_FILE", f"expected at most {_MOST_BYTES:,} bytes of objects, got more")
    height, width = size_of(image, None)
    unclear: list[Region] = []
    objects: list[tuple[int, list[Region]]] = []
    findings: list[tuple[str, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            kind, numbers = _object(line)
            outlined = len(numbers) != 4
            region = _region(numbers, height, width)
        except BrokenShapeError as broken:
            findings.append((broken.code, f"line {number}: {broken}"))
            continue
        if not outlined:
            findings.append(("ANN_SHAPE", f"line {number}: expected an outline, got a box"))
        if kind >= len(values):
            findings.append(("ANN_CATEGORY", f"line {number}: expected a class up to {len(values) - 1}, got {kind}"))
        if outlined and kind < len(values):
            objects.append((values[kind], [region]))
        else:
            unclear.append(region)
    objects.sort(key=lambda one: -one[1][0].area)
    return painted(height, width, [(IGNORE, unclear), *objects], findings)


def _object(line: bytes) -> tuple[int, list[float]]:
    """The class of a line and its coordinates."""
    try:
        kind, *numbers = [float(word) for word in line.split()]
    except ValueError:
        raise BrokenShapeError("ANN_SHAPE", f"expected a class and coordinates, got {line[:40]!r}") from None
    if not (kind % 1 == 0 and kind >= 0) or len(numbers) < 4 or len(numbers) % 2:
        raise BrokenShapeError("ANN_SHAPE", f"expected a class and pairs of coordinates, got {line[:40]!r}")
    if any(abs(number) > _FARTHEST for number in numbers):
        raise BrokenShapeError("ANN_SHAPE", f"expected shares of width and height, 0 to 1, got {max(numbers):g}")
    return int(kind), numbers


def _region(numbers: list[float], height: int, width: int) -> Region:
    """The pixels of an outline, or of a box given by centre, width and height."""
    if len(numbers) == 4:
        x, y, wide, high = np.array(numbers) * (width, height, width, height)
        return box((x - wide / 2, y - high / 2), (x + wide / 2, y + high / 2), height, width)
    return fill(points_of(numbers) * (width, height), height, width)


YOLO = Format(sniff, read, write, ignore=False, unlabelled=False, single_objects=True, templated=False)
