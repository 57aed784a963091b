"""Names, links and special files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from corpus.base import Case, good_set, image_file, labels, mask_file, picture, save
from corpus.pairs import _renamed


def tree_cases() -> Iterator[Case]:
    yield Case("name in NFC", "", lambda root: _renamed(root, "caf\u00e9"))
    yield Case("name in NFD", "NAME_NOT_NFC", lambda root: _renamed(root, "cafe\u0301"))
    yield Case("image in NFD, mask in NFC", "NAME_NOT_NFC", lambda root: _renamed(root, "cafe\u0301", "caf\u00e9"))
    yield Case("emoji", "", lambda root: _renamed(root, "\U0001f600"))
    yield Case("right to left", "", lambda root: _renamed(root, "\u05d0\u05d1\u05d2"))
    yield Case("leading dash", "", lambda root: _renamed(root, "-rf"))
    yield Case("255 bytes", "", lambda root: _renamed(root, "a" * 251))
    yield Case("long path", "", _long_path)
    yield Case(
        "dangling link", "TREE_LINK_DANGLING", lambda root: _link(image_file(root, "gone.png"), root / "nothing.png")
    )
    yield Case("link to itself", "TREE_LINK_LOOP", _self_link)
    yield Case("loop", "TREE_LINK_LOOP", lambda root: _link(root / "images" / "again", root))
    yield Case("file link out of the root", "TREE_LINK_OUTSIDE", _outside)
    yield Case("folder link out of the root", "TREE_LINK_OUTSIDE", _far_folder)
    if sys.platform == "win32":
        return
    yield Case("line break", "NAME_CONTROL", lambda root: _renamed(root, "two\nlines"))
    yield Case("pipe", "TREE_SPECIAL", _pipe)
    yield Case(
        "link to a device", "TREE_LINK_OUTSIDE", lambda root: _link(image_file(root, "null.png"), Path(os.devnull))
    )
    if os.geteuid() != 0:  # root reads everything
        yield Case("unreadable image", "IMG_UNREADABLE", _unreadable)
    if sys.platform == "linux":
        yield Case("name that is not UTF-8", "NAME_NOT_UTF8", lambda root: _renamed(root, os.fsdecode(b"caf\xe9")))
        yield Case("names that differ in case", "NAME_CLASH", _clash)


def _long_path(root: Path) -> Path:
    folder = Path(*["deep" * 20] * 4)
    for kind, pixels in (("images", picture(7)), ("masks", labels(7))):
        save(root / kind / folder / "img_7.png", pixels)
    return image_file(root)


def _link(path: Path, target: Path) -> Path:
    path.symlink_to(target)
    return path


def _self_link(root: Path) -> Path:
    return _link(image_file(root, "self.png"), image_file(root, "self.png"))


def _outside(root: Path) -> Path:
    target = save(root.with_name(f"{root.name}-elsewhere") / "img_3.png", picture(3))
    image_file(root).unlink()
    return _link(image_file(root), target)


def _far_folder(root: Path) -> Path:
    target = good_set(root.with_name(f"{root.name}-far"))
    return _link(root / "images" / "far", target)


def _pipe(root: Path) -> Path:
    os.mkfifo(image_file(root, "pipe.png"))
    return image_file(root, "pipe.png")


def _unreadable(root: Path) -> Path:
    image_file(root).chmod(0)
    return image_file(root)


def _clash(root: Path) -> Path:
    save(image_file(root, "IMG_3.png"), picture(8))
    save(mask_file(root, "IMG_3.png"), labels(8))
    return image_file(root)
