"""Which content and which style a result was made of: from the record in the picture, or from its name.

A result is named `CONTENT--STYLE.png`, after its content's and its style's file without their endings. A record in the
picture that names both by their SHA-256 comes first, whatever the file is called.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from segue.data.opening import ENDINGS
from segue.data.walk import pictures
from segue.durable import sha256_of
from segue.errors import DataError
from segue.style.bank.catalogue import PREFIX, bank_style
from segue.style.record import StyleRecord, read_record
from segue.style.style_source import style_sha256

log = logging.getLogger("segue")
BETWEEN = "--"
NAMED = 3  # files in one message
READ = tuple(ending for ending in ENDINGS if ending != ".npy")

Pair = tuple[str, str]  # the names of a content and of a style


@dataclass(frozen=True)
class Originals:
    """The pictures of a folder by name, the file's without its ending, and the SHA-256 of each."""

    paths: Mapping[str, Path]
    hashes: Mapping[str, str]

    def named(self, sha256: str) -> list[str]:
        """The names of the files with this SHA-256."""
        return [name for name, own in self.hashes.items() if own == sha256]


@dataclass(frozen=True)
class Result:
    """One picture to judge, and the record in it, if any."""

    path: Path
    record: StyleRecord | None


def read_originals(path: Path) -> Originals:
    """The pictures below a folder, or one picture.

    Raises:
        DataError: there is none, or two have the same name.
    """
    found = [path] if path.is_file() else [path / name for name in _listed(path)]
    if not found:
        raise DataError(f"{path}: expected a picture or a folder with some, got none: check the path")
    paths: dict[str, Path] = {}
    for one in found:
        if one.stem in paths:
            raise DataError(
                f"{path}: expected pictures of different names, got {paths[one.stem]} and {one}: rename one"
            )
        paths[one.stem] = one
    paths = dict(sorted(paths.items()))
    return Originals(paths, {name: sha256_of(one) for name, one in paths.items()})


def read_styles(path: Path) -> Originals:
    """The same of styles, which may also be drawn: `bank:NAME`, or several as `bank:NAME,NAME`.

    Raises:
        DataError: as for `read_originals`, or a style of the bank is there twice.
        UsageError: the bank has no style of that name.
    """
    if not str(path).startswith(PREFIX):
        return read_originals(path)
    found = [bank_style(name) for name in str(path).split(",")]
    names = [style.name for style in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise DataError(f"{path}: expected each style once, got {twice} again: leave one out")
    paths = {style.name: Path(style.reference) for style in sorted(found, key=lambda one: one.name)}
    return Originals(paths, {name: style_sha256(one) for name, one in paths.items()})


def read_results(folder: Path, contents: Originals, styles: Originals) -> dict[Pair, Result]:
    """The results below a folder by content and style.

    Raises:
        DataError: there is none; a name fits no content and style or several; a record says something else than the
            name; or two pictures are of the same content and style. All that is wrong is told at once.
    """
    listed = _listed(folder)
    if not listed:
        raise DataError(f"{folder}: expected pictures named CONTENT{BETWEEN}STYLE.png, got none: check the path")
    found: dict[Pair, Result] = {}
    wrong: list[str] = []
    for name in listed:
        path = folder / name
        try:
            pair, result = _identified(path, contents, styles)
            if pair in found:
                raise DataError(f"{name} is of the same content and style as {found[pair].path.relative_to(folder)}")
        except DataError as error:
            wrong.append(str(error))
            continue
        found[pair] = result
    if wrong:
        raise DataError(
            f"{folder}: expected pictures named CONTENT{BETWEEN}STYLE.png after the given files, got "
            f"{len(wrong)} of {len(listed)} others ({_some(wrong)}): rename or remove them"
        )
    return found


def _listed(folder: Path) -> list[str]:
    listing = pictures(folder, READ)
    for problem in listing.problems:
        log.warning("%s: %s", problem.path, problem.message)
    return listing.files


def _identified(path: Path, contents: Originals, styles: Originals) -> tuple[Pair, Result]:
    found = read_record(path)
    if found.problem:
        log.warning("%s: its record is not used: %s", path, found.problem)
    by_name = _by_name(path.stem, contents, styles)
    by_record = _by_record(found.record, contents, styles)
    if by_record and by_name and not set(by_record) & set(by_name):
        raise DataError(f"{path.name} was made of {BETWEEN.join(by_record[0])}, as its record says")
    agreed = [pair for pair in by_record if pair in by_name] or by_record or by_name
    if len(agreed) != 1:
        raise DataError(f"{path.name} fits {'several' if agreed else 'no content and style'}")
    return agreed[0], Result(path, found.record)


def _by_name(stem: str, contents: Originals, styles: Originals) -> list[Pair]:
    """Every way to read a name: those of files may hold the two dashes themselves."""
    places = [place for place in range(len(stem)) if stem.startswith(BETWEEN, place)]
    cuts = [(stem[:place], stem[place + len(BETWEEN) :]) for place in places]
    return [(content, style) for content, style in cuts if content in contents.paths and style in styles.paths]


def _by_record(record: StyleRecord | None, contents: Originals, styles: Originals) -> list[Pair]:
    """The pairs a record names, more than one where files are the same; none for a blend of several styles."""
    if record is None or len(record.styles) != 1 or not record.content_sha256 or not record.styles[0].sha256:
        return []
    left, right = contents.named(record.content_sha256), styles.named(record.styles[0].sha256)
    return [(content, style) for content in left for style in right]


def common(folders: Sequence[Mapping[Pair, Result]], contents: Iterable[str], styles: Iterable[str]) -> list[Pair]:
    """The pairs of these names that every folder has, all without folders: methods are compared on the same ones.

    Raises:
        DataError: there is none.
    """
    names = list(styles)
    pairs = [(content, style) for content in contents for style in names]
    shared = [pair for pair in pairs if all(pair in folder for folder in folders)]
    if not shared:
        raise DataError(
            "expected pairs of content and style that every folder has and every model paints, got none: "
            "judge them apart"
        )
    left = len(set().union(*folders)) - len(shared) if folders else 0
    if left:
        log.warning("%d pairs are not in every folder and are left out, so that all are judged by the same", left)
    return shared


def _some(texts: Sequence[str]) -> str:
    return "; ".join(texts[:NAMED]) + ("; …" if len(texts) > NAMED else "")
