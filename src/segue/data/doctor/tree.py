"""The folders below the data's root, without opening a file: links, special files, names.

One `scandir` pass, no link followed, so a loop costs nothing: 100 000 files take well under a second.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from segue.data.doctor.codes import problem
from segue.data.index import Problem

UNSUPPORTED = (
    *(".heic", ".heif", ".avif", ".gif", ".eps", ".svg", ".pdf", ".jp2", ".j2k", ".psd", ".xcf", ".exr", ".hdr"),
    *(".dcm", ".nii", ".nii.gz", ".mha", ".nrrd", ".dng", ".cr2", ".nef", ".arw"),
)

HIDDEN = (".", "__MACOSX")  # what data sets are read without


def check_tree(roots: Iterable[Path]) -> tuple[int, list[Problem]]:
    """Walk every root and return how many regular files there are and what is wrong with the tree around them."""
    files = 0
    problems: list[Problem] = []
    for root in roots:
        for folder, entries in _walk(root, problems):
            problems += _name_clashes(folder, entries)
            for entry in entries:
                files += entry.is_file(follow_symlinks=False)
                problems += check_entry(entry, root)
    return files, problems


def _walk(root: Path, problems: list[Problem]) -> Iterator[tuple[Path, list[os.DirEntry[str]]]]:
    pending = [root]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as listing:
                visible = (entry for entry in listing if not entry.name.startswith(HIDDEN))
                entries = sorted(visible, key=lambda entry: entry.name)
        except OSError as error:
            if folder.is_dir():  # a folder that vanished meanwhile is no finding
                problems.append(problem("TREE_UNREADABLE", folder, f"the folder cannot be listed: {error.strerror}"))
            continue
        yield folder, entries
        pending += [Path(entry.path) for entry in reversed(entries) if entry.is_dir(follow_symlinks=False)]


def check_entry(entry: os.DirEntry[str], root: Path) -> list[Problem]:
    """What is wrong with one directory entry: its kind, its link, its name, its ending."""
    path = Path(entry.path)
    if entry.is_symlink():
        return [*_link(path, root), *_name(path)]
    if not entry.is_file(follow_symlinks=False):
        return _name(path) if entry.is_dir(follow_symlinks=False) else _special(path)
    ending = entry.name.lower().endswith(UNSUPPORTED)
    found = [problem("FILE_UNSUPPORTED", path, f"expected an image or mask, got {path.suffix}")] if ending else []
    return found + _name(path)


def _special(path: Path) -> list[Problem]:
    try:
        mode = path.lstat().st_mode
    except OSError:  # vanished meanwhile
        return []
    kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFBLK: "a device", stat.S_IFCHR: "a device"}
    return [problem("TREE_SPECIAL", path, f"expected a file, got {kinds.get(stat.S_IFMT(mode), 'something else')}")]


def _link(path: Path, root: Path) -> list[Problem]:
    try:
        target = path.resolve(strict=True)
    except FileNotFoundError:
        return [problem("TREE_LINK_DANGLING", path, f"the link points to {path.readlink()}, which does not exist")]
    except (OSError, RuntimeError):  # Python 3.11 and 3.12 raise RuntimeError on a link that names itself
        return [problem("TREE_LINK_LOOP", path, "the link leads back to itself")]
    here = root.resolve()
    if target.is_dir() and path.absolute().parent.resolve().is_relative_to(target):
        return [problem("TREE_LINK_LOOP", path, f"the link leads back to {target.name or target}")]
    if not target.is_relative_to(here):
        return [problem("TREE_LINK_OUTSIDE", path, f"the link leads out of {here.name or here}")]
    return [] if target.is_file() or target.is_dir() else _special(target)


def _name(path: Path) -> list[Problem]:
    name = path.name
    if name.isascii() and name.isprintable():  # nearly every name: one test
        return []
    try:
        name.encode()
    except UnicodeEncodeError:
        return [problem("NAME_NOT_UTF8", path, f"the name holds bytes that are not UTF-8: {os.fsencode(name)!r}")]
    if any(unicodedata.category(character) == "Cc" for character in name):
        return [problem("NAME_CONTROL", path, f"the name holds a control character: {name!r}")]
    if not unicodedata.is_normalized("NFC", name):
        return [problem("NAME_NOT_NFC", path, f"the name is decomposed: {name!a}")]
    return []


def _name_clashes(folder: Path, entries: list[os.DirEntry[str]]) -> list[Problem]:
    seen: dict[str, str] = {}
    problems = []
    for entry in entries:
        key = entry.name.lower() if entry.name.isascii() else unicodedata.normalize("NFC", entry.name).casefold()
        if key in seen:
            text = f"{entry.name!a} and {seen[key]!a} are one name on macOS and Windows"
            problems.append(problem("NAME_CLASH", folder / entry.name, text))
        seen[key] = entry.name
    return problems
