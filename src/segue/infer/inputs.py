"""Files, folders and globs to a list of images, each with the name its results are written under."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from segue.data.image import ENDINGS
from segue.errors import UsageError


@dataclass(frozen=True)
class Input:
    """An image and the relative path, without an ending, that its results get below the output folder."""

    path: Path
    name: str


def find_images(paths: Sequence[Path], out: Path) -> tuple[list[Input], list[str]]:
    """The images that `paths` stand for, in a stable order, and one line for every path that stands for none.

    A file is taken whatever its ending, a folder gives every image below it (hidden files and links to folders aside),
    anything else is a glob pattern. Names are relative to the folder all inputs share, so equal file names in two
    folders stay apart; where two files differ in nothing but the ending, the ending stays in the name.

    Raises:
        UsageError: nothing was given, or `out` is one of the input folders.
    """
    if not paths:
        raise UsageError("expected image files, folders or quoted globs, got none")
    found: dict[Path, None] = {}
    bases: list[Path] = []
    missing = []
    for path in paths:
        matches = [path] if path.exists() else _matches(str(path))
        images = [(base, image) for match in matches for base, image in _images_of(match, out)]
        if not images:
            missing.append(f"{path}: expected an image, a folder with images or a pattern that matches some, got none")
        bases += [base for base, _ in images]
        found |= dict.fromkeys(image for _, image in images)
    return [Input(path, name) for path, name in zip(found, _names(list(found), bases), strict=True)], missing


def _matches(pattern: str) -> list[Path]:
    return [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207 - Path.glob wants a root


def _images_of(path: Path, out: Path) -> Iterator[tuple[Path, Path]]:
    """Pairs of the folder that names are relative to and the image, both absolute."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would rename a linked image to its target
    base = path if path.is_dir() else path.parent
    if base.resolve() == out.resolve():
        raise UsageError(f"out: expected a folder of its own, got {out}, where the images are: choose another")
    if not path.is_dir():
        yield base, path
        return
    for folder, children, files in os.walk(path):
        here = Path(folder)
        children[:] = sorted(c for c in children if not c.startswith(".") and (here / c).resolve() != out.resolve())
        for file in sorted(files):
            if not file.startswith(".") and file.lower().endswith(ENDINGS):
                yield path, here / file


def _names(images: list[Path], bases: Iterable[Path]) -> list[str]:
    if not images:
        return []
    root = os.path.commonpath([str(base) for base in bases])
    names = [image.relative_to(root) for image in images]
    whole: set[Path] = set()
    while True:
        chosen = {name: (name if name in whole else name.with_suffix("")).as_posix() for name in names}
        count = Counter(text.casefold() for text in chosen.values())  # some file systems do not tell A from a
        clashing = {name for name, text in chosen.items() if count[text.casefold()] > 1} - whole
        if not clashing:
            return list(chosen.values())
        whole |= clashing  # a.jpg, kept whole beside a.png, may meet the stem of a.jpg.bmp
