"""Which images must stay on one side of a split: frames of one video, tiles of one scene, slices of one patient."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from segue.data.index import Index

_FRAME = re.compile(r"(.*[^_\-. ])[_\-. ]+(?:f|frame)?[_\-. ]?\d+", re.IGNORECASE)


def groups(ids: Sequence[str], folders: Sequence[str]) -> list[str]:
    """Name the group of every image, from the folder it lies in or else from its name.

    Folders decide where there are several; next what stands before a frame number decides (`0001TP_006690` belongs to
    `0001TP`, `Seq05VD_f00000` to `Seq05VD`). Either counts only if it gives at least two groups and fewer than images.
    Otherwise, and for a name without a frame number, an image is a group of its own, called by its id.

    Args:
        ids: per image, its path below the root without ending.
        folders: per image, its folder without the parts that belong to the layout (`Tile 1`, or empty).
    """
    by_folder = [folder or name for folder, name in zip(folders, ids, strict=True)]
    by_name = [frame_stem(name.rpartition("/")[2]) or name for name in ids]
    for candidate in (by_folder, by_name):
        if 2 <= len(set(candidate)) < len(candidate):
            return candidate
    return list(ids)


def frame_stem(name: str) -> str:
    """What stands before a frame number in a file name without ending; empty when it has none.

    >>> frame_stem("Seq05VD_f00000"), frame_stem("portrait")
    ('Seq05VD', '')
    """
    match = _FRAME.fullmatch(name)
    return match[1] if match else ""


def keep_together(index: Index, pairs: Iterable[tuple[str, str]]) -> Index:
    """Merge the groups of samples that show the same (pairs of their ids), and the groups these are merged with.

    A merged group is called by the first of its names in the order of the alphabet; samples of other groups stay as
    they are.
    """
    group = {sample.id: sample.group or sample.id for sample in index.samples}
    parent = {name: name for name in group.values()}

    def top(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]  # shortens the way for the next
            name = parent[name]
        return name

    for pair in pairs:
        low, high = sorted(top(group[one]) for one in pair)
        parent[high] = low
    named = {sample.id: top(group[sample.id]) for sample in index.samples}
    merged = {top(name) for name in parent if parent[name] != name}
    return replace(
        index,
        samples=tuple(replace(s, group=named[s.id]) if named[s.id] in merged else s for s in index.samples),
    )
