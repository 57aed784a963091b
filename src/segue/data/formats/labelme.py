"""labelme (https://github.com/wkentaro/labelme): one JSON file of shapes for each image, beside it.

    root/a.jpg  root/a.json                        also in folders; root/train/, root/val/ are splits
    root/labels.txt                                optional: the labels in the order of their class ids

Shapes lie over those listed before them, as in labelme. Class 0 is the background (`_background_`), the labels follow
in alphabetical order or as `labels.txt` has them; `__ignore__` is not labelled. Points and lines have no area and are
left out.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from PIL.PngImagePlugin import PngImageFile

from segue.data.classes import IGNORE
from segue.data.doctor.codes import problem
from segue.data.drawn.cache import Drawing
from segue.data.drawn.polygon import Region, fill
from segue.data.drawn.shapes import BrokenShapeError, box, disc, painted, points_of
from segue.data.formats.categories import Categories, categories_of
from segue.data.formats.drawing import Draft, drawn_index, image_stamp, size_of
from segue.data.formats.json_file import glance, read_json
from segue.data.formats.labelme_writer import IGNORED, LABELS, write
from segue.data.formats.layout import SPLIT_OF, Format, subfolders
from segue.data.image import MAX_PIXELS
from segue.data.index import Index, Problem
from segue.data.opening import BROKEN, ENDINGS
from segue.data.parallel import in_order
from segue.data.walk import pictures
from segue.errors import DataError

_GLANCED = 5  # files looked into in one folder
_MOST_BYTES = 256 * 2**20  # of one file, which may hold its image


@dataclass(frozen=True)
class Page:
    """One JSON file, without the image it may hold: where its image should be, the size it declares, its shapes."""

    path: Path
    image: str
    size: tuple[int, int] | None
    shapes: tuple[dict[str, Any], ...]
    digest: bytes


def sniff(root: Path) -> bool:
    """Whether a JSON file in the folder, or in one below it, holds shapes as labelme writes them."""
    return any(
        b'"shapes"' in keys and (b'"imagePath"' in keys or b'"imageHeight"' in keys)
        for folder in (root, *(root / name for name in subfolders(root)))
        for keys in map(glance, _first_pages(folder))
    )


def read(root: Path, mask_name: str = "") -> Index:
    """Read the layout; see `Format`.

    Raises:
        DataError: there is no file of shapes, none of their images is there, or no shape has an area.
    """
    problems: list[Problem] = []
    pages = list(_pages(root, problems))
    if not pages:
        raise DataError(f"{root}: expected JSON files as labelme saves them beside the images, found none; add them")
    labels = _labels(root, pages)
    named = categories_of(dict.fromkeys(labels), root / LABELS, background=True)
    drafts = _drafts(root, pages, named, problems)
    if not any(draft.draw for draft in drafts):
        raise DataError(
            f"{root}: expected the images of the JSON files (such as {pages[0].image}), found none; add them"
        )
    listed = {draft.image for draft in drafts}
    others = [root / name for name in pictures(root).files if root / name not in listed]
    drafts += [Draft(path, *_place(root, path), None) for path in others]
    content = [page.path.relative_to(root).as_posix().encode("utf-8", "replace") + page.digest for page in pages]
    sizeless = any(page.size is None for page in pages)
    stamps = [image_stamp(draft.image, root) for draft in drafts] if sizeless else []
    return drawn_index(root, "labelme", drafts, named, (*content, *stamps), problems)


def _pages(root: Path, problems: list[Problem]) -> Iterator[Page]:
    """All files of shapes below `root`; JSON files of another kind are passed over, broken ones named."""
    paths = [root / name for name in pictures(root, (".json",)).files]
    for path, page in zip(paths, in_order(_page, paths), strict=True):
        if isinstance(page, str):
            problems.append(problem("ANN_FILE", path, page))
        elif page is not None:
            yield page


def _page(path: Path) -> Page | str | None:
    """A file of shapes, None when it is something else, or what is wrong with it."""
    try:
        content, raw = read_json(path, _MOST_BYTES)
    except DataError as error:
        return str(error).removeprefix(f"{path}: ")
    shapes = content.get("shapes")
    if not isinstance(shapes, list):
        return None
    size = (content.get("imageHeight"), content.get("imageWidth"))
    image = content.get("imagePath")
    return Page(
        path,
        image if isinstance(image, str) else "",
        _size(*size),
        tuple(shape for shape in shapes if isinstance(shape, dict)),
        hashlib.sha256(raw).digest(),
    )


def _size(height: Any, width: Any) -> tuple[int, int] | None:  # noqa: ANN401 - whatever a file holds
    return (height, width) if type(height) is int and type(width) is int and min(height, width) > 0 else None


def _labels(root: Path, pages: list[Page]) -> list[str]:
    """The labels in their order: those of `labels.txt`, else all that occur, sorted."""
    path = root / LABELS
    if path.is_file():
        try:
            lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: expected a label on each line, cannot read it ({error})") from None
        return [line for line in dict.fromkeys(lines) if line and line != IGNORED]
    found = {shape["label"] for page in pages for shape in page.shapes if isinstance(shape.get("label"), str)}
    return sorted(found - {IGNORED, ""})


def _drafts(root: Path, pages: list[Page], named: Categories, problems: list[Problem]) -> list[Draft]:
    drafts = []
    for page in pages:
        path = _image(root, page)
        if path is None:
            text = f"expected its image {page.image or page.path.stem}, found none below {root}"
            problems.append(problem("ANN_IMAGE", page.path, text))
            continue
        drafts.append(Draft(path, *_place(root, page.path), partial(draw_shapes, path, page, named)))
    return drafts


def _image(root: Path, page: Page) -> Path | None:
    """The image a page names, from the page's folder, or one with the page's own name; nothing outside `root`."""
    own = page.path.relative_to(root)
    named = os.path.normpath(own.parent / PureWindowsPath(page.image.replace("\0", "")).as_posix())
    for name in (named, *(str(own.with_suffix(ending)) for ending in ENDINGS)):
        path = root / name
        if path.is_file() and path.resolve().is_relative_to(root.resolve()):
            return path
    return None


def _place(root: Path, path: Path) -> tuple[str, str]:
    """The split a file's folders name, and those of its folders that name none."""
    folders = path.relative_to(root).parts[:-1]
    split = next((SPLIT_OF[name.lower()] for name in folders if name.lower() in SPLIT_OF), "")
    return split, "/".join(name for name in folders if name.lower() not in SPLIT_OF)


def draw_shapes(image: Path, page: Page, named: Categories) -> Drawing:
    """The mask of one image: each shape over those before it."""
    height, width = size_of(image, page.size)
    layers: list[tuple[int, list[Region]]] = []
    findings: list[tuple[str, str]] = []
    for number, shape in enumerate(page.shapes):
        label = shape.get("label")
        try:
            region = _region(shape, height, width)
        except BrokenShapeError as broken:
            findings.append((broken.code, f"shape {number} ({label}): {broken}"))
            continue
        known = label in named.names or label == IGNORED or label == "_background_"
        if not known:
            findings.append(("ANN_CATEGORY", f"shape {number}: expected a label of {LABELS}, got {label!r}"))
        layers.append((named.value(str(label)) if known and label != IGNORED else IGNORE, [region]))
    return painted(height, width, layers, findings)


def _region(shape: dict[str, Any], height: int, width: int) -> Region:
    """The pixels of a shape.

    Raises:
        BrokenShapeError: it has no area, or is damaged.
    """
    kind, points = shape.get("shape_type") or "polygon", shape.get("points")
    if kind in ("polygon", "oriented_rectangle"):
        return fill(points_of(points), height, width)
    if kind not in ("rectangle", "circle", "mask"):
        raise BrokenShapeError("ANN_SHAPE", f"expected a shape with an area, got {kind}")
    (x0, y0), (x1, y1) = _two(points)
    if kind == "rectangle":
        return box((x0, y0), (x1, y1), height, width)
    if kind == "circle":
        return disc((x0, y0), float(np.hypot(x1 - x0, y1 - y0)), height, width)
    return _bitmap(shape.get("mask"), round(min(x0, x1)), round(min(y0, y1)), height, width)


def _two(points: Any) -> tuple[tuple[float, float], tuple[float, float]]:  # noqa: ANN401 - whatever a file holds
    try:
        (x0, y0), (x1, y1) = points
        numbers = [float(number) for number in (x0, y0, x1, y1)]
    except (TypeError, ValueError):
        raise BrokenShapeError("ANN_SHAPE", "expected two points, got something else") from None
    if not np.isfinite(numbers).all():
        raise BrokenShapeError("ANN_SHAPE", "expected two points, got numbers that are not finite")
    return (numbers[0], numbers[1]), (numbers[2], numbers[3])


def _bitmap(encoded: Any, left: int, top: int, height: int, width: int) -> Region:  # noqa: ANN401
    """The pixels of a mask that is stored as a small PNG in base64, its upper left corner at (left, top)."""
    try:
        picture = PngImageFile(io.BytesIO(base64.b64decode(encoded, validate=True)))
        if picture.width * picture.height > MAX_PIXELS:
            raise BrokenShapeError("ANN_SHAPE", f"expected a mask within the image, got {picture.size}")
        bitmap = np.asarray(picture.convert("L")) > 0
    except (binascii.Error, *BROKEN) as error:
        raise BrokenShapeError("ANN_SHAPE", f"expected a mask as PNG in base64, cannot read it ({error})") from None
    rows, columns = slice(max(0, -top), max(0, height - top)), slice(max(0, -left), max(0, width - left))
    return Region(max(0, top), max(0, left), bitmap[rows, columns])


def _first_pages(folder: Path) -> list[Path]:
    """A few JSON files of a folder."""
    try:
        return sorted(path for path in folder.glob("*.json") if path.is_file())[:_GLANCED]
    except OSError:
        return []


LABELME = Format(sniff, read, write, single_objects=True, templated=False)
