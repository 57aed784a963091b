"""Hugging Face data sets on disk (https://huggingface.co/docs/datasets) with a column of images and one of masks.

    root/dataset_dict.json  root/train/data-00000-of-00001.arrow  root/train/state.json         save_to_disk
    root/data/train-00000-of-00001.parquet  root/data/validation-00000-of-00001.parquet         as on the hub
    root/id2label.json                                                                          class names by value

Columns are told apart by their names (`image`, `pixel_values`, ...; `mask`, `label`, `annotation`, ...). The pictures
are put into the cache as the bytes they are. Nothing is downloaded, and nothing is read but the files of the folder.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from segue.data.doctor.codes import problem
from segue.data.drawn.cache import drawn_folder
from segue.data.formats.drawing import file_stamp
from segue.data.formats.hf_rows import Picture, rows
from segue.data.formats.hf_writer import write
from segue.data.formats.json_file import read_json
from segue.data.formats.layout import SPLIT_OF, Format, split_named, subfolders
from segue.data.grouping import groups
from segue.data.index import Index, Problem, Sample
from segue.data.parallel import in_order
from segue.durable import write_text
from segue.errors import DataError

_LOG = logging.getLogger("segue")
_LISTING = "listing.json"  # written last: where it is, all pictures are
_MAGIC = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"RIFF": ".webp", b"II": ".tif", b"MM": ".tif", b"BM": ".bmp"}


@dataclass(frozen=True)
class Row:
    """A row whose pictures are in the cache: names below the cache's folder, `mask` empty where there is none."""

    id: str
    split: str
    image: str
    mask: str
    sizes: tuple[int, int]

    def is_whole(self, folder: Path) -> bool:
        """Whether the files are there as long as they were written."""
        return all(
            not name or ((folder / name).is_file() and (folder / name).stat().st_size == size)
            for name, size in zip((self.image, self.mask), self.sizes, strict=True)
        )


@dataclass(frozen=True)
class Place:
    """A row and what its sample will be called."""

    id: str
    split: str
    image: Picture
    mask: Picture | None


def sniff(root: Path) -> bool:
    """Whether the folder, its `data/` or the folder of a split holds Parquet or Arrow files."""
    return next(_files(root), None) is not None


def read(root: Path, mask_name: str = "") -> Index:
    """Read the layout; see `Format`.

    Raises:
        DataError: there is no such file, one is damaged, or it does not have one column of images and one of masks.
        MissingPackageError: pyarrow is not installed, which the extra `hf` brings.
    """
    files = list(_files(root))
    if not files:
        raise DataError(f"{root}: expected Parquet or Arrow files with images and masks, found none; check the path")
    folder = drawn_folder([b"hf", *(file_stamp(path, root) for path, _ in files)])
    kept, problems = _kept(folder)
    if not kept:
        kept, problems = _extract(root, files, folder)
    samples = [
        Sample(row.id, folder / row.image, folder / row.mask if row.mask else None, row.split, group)
        for row, group in zip(kept, groups([row.id for row in kept], [""] * len(kept)), strict=True)
    ]
    samples.sort(key=lambda sample: sample.id)
    return Index(root, "hf", tuple(samples), tuple(problems), _names(root))


def _files(root: Path) -> Iterator[tuple[Path, str]]:
    """The files with rows, and the split that their names or their folders' tell."""
    folders = [root, root / "data", *(root / name for name in subfolders(root) if name.lower() in SPLIT_OF)]
    for folder in (folder for folder in folders if folder.is_dir()):
        for path in sorted([*folder.glob("*.parquet"), *folder.glob("*.arrow")]):
            yield path, split_named(path.stem, folder.name if folder != root else "")


def _kept(folder: Path) -> tuple[list[Row], list[Problem]]:
    """The rows that were put into the cache before; none where some are gone."""
    try:
        content = json.loads((folder / _LISTING).read_text(encoding="utf-8"))
        kept = [Row(**{**row, "sizes": tuple(row["sizes"])}) for row in content["rows"]]
        found = [problem(code, Path(path), message) for code, path, message in content["problems"]]
    except (OSError, ValueError, KeyError, TypeError):
        return [], []
    return (kept, found) if all(row.is_whole(folder) for row in kept) else ([], [])


def _extract(root: Path, files: Sequence[tuple[Path, str]], folder: Path) -> tuple[list[Row], list[Problem]]:
    """Put all pictures into the cache, byte for byte."""
    _LOG.info("putting the pictures of %s into the cache (once: they are kept in %s)", root, folder)
    problems: list[Problem] = []
    try:
        kept = list(in_order(lambda place: _put(folder, place), _places(root, files, problems)))
        found = [(one.code, str(one.path), one.message) for one in problems]
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / _LISTING, json.dumps({"rows": [vars(row) for row in kept], "problems": found}))
    except OSError as error:
        raise DataError(
            f"{folder}: cannot keep pictures here ({error.strerror or error}); set SEGUE_CACHE to a folder with room"
        ) from None
    return kept, problems


def _places(root: Path, files: Sequence[tuple[Path, str]], problems: list[Problem]) -> Iterator[Place]:
    """The rows that hold an image, with their ids; what is wrong with the others is added to `problems`."""
    taken: set[str] = set()
    every = ((path, split, row) for path, split in files for row in rows(path))
    for number, (path, split, (image, mask)) in enumerate(every):
        image, mask = _inside(image, root), _inside(mask, root) if mask else None
        if image.content is None:
            text = f"row {number} holds no image, but the path {image.path!r}, which is not in the data"
            problems.append(problem("ANN_IMAGE", path, text))
            continue
        name = _name(image.path, number, taken, split)
        if mask is None or mask.content is None:
            problems.append(problem("MASK_MISSING", path, f"row {number} ({name}) has no mask"))
        yield Place(name, split, image, mask)


def _put(folder: Path, place: Place) -> Row:
    part, stem = place.id.split("/")
    files = []
    for kind, picture in (("images", place.image), ("masks", place.mask)):
        if picture is None or picture.content is None:
            files.append(("", 0))
            continue
        path = folder / part / kind / f"{stem}{_ending(picture)}"
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        temporary.write_bytes(picture.content)
        temporary.replace(path)
        files.append((path.relative_to(folder).as_posix(), len(picture.content)))
    (image_name, image_size), (mask_name, mask_size) = files
    return Row(place.id, place.split, image_name, mask_name, (image_size, mask_size))


def _inside(picture: Picture, root: Path) -> Picture:
    """The picture with its bytes, taken from a file of the data set where the row has a relative path alone."""
    if picture.content is not None or not picture.path:
        return picture
    path = root / picture.path.replace("\\", "/")
    if "\0" in picture.path or not path.resolve().is_relative_to(root.resolve()) or not path.is_file():
        return picture
    return Picture(path.read_bytes(), picture.path)


def _name(path: str, number: int, taken: set[str], split: str) -> str:
    """A sample's id: the split's folder and the name its picture came with, or the number of its row."""
    stem = PurePosixPath(path.replace("\\", "/")).stem.replace("\0", "").lstrip(".")[:150]
    stem = stem.encode("utf-8", "backslashreplace").decode() or f"{number:06d}"
    name = f"{split or 'data'}/{stem}"
    if name in taken:
        name = f"{name}-{number:06d}"
    taken.add(name)
    return name


def _ending(picture: Picture) -> str:
    """The ending for what the bytes are; the name may say something else, or nothing."""
    content = picture.content or b""
    found = next((ending for magic, ending in _MAGIC.items() if content.startswith(magic)), "")
    return found or PurePosixPath(picture.path).suffix[:8] or ".bin"


def _names(root: Path) -> tuple[str, ...]:
    """Class names by mask value, where `id2label.json` numbers them from 0 without a gap."""
    path = root / "id2label.json"
    if not path.is_file():
        return ()
    content: dict[str, Any] = read_json(path, 2**20)[0]
    if set(content) != {str(number) for number in range(len(content))}:
        raise DataError(
            f"{path}: expected class names by number from 0, got the numbers {', '.join(list(content)[:9])}"
        )
    return tuple(str(content[str(number)]) for number in range(len(content)))


HF = Format(sniff, read, write, templated=False)
