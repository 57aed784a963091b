"""Finding the images that annotations name, and nothing outside the data set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from segue.data.doctor.codes import problem
from segue.data.index import Problem
from segue.data.opening import ENDINGS


@dataclass
class Locator:
    """Looks for files below the first of `bases` that has them; a base that leads out of `root` is not looked into."""

    root: Path
    bases: list[Path]
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Keep the bases that are folders of the data set."""
        real = self.root.resolve()
        there = [base for base in dict.fromkeys(self.bases) if base.is_dir()]
        self.bases = [base for base in there if base.resolve().is_relative_to(real)]
        for base in there:
            if base not in self.bases:
                text = f"the link leads out of {real.name}; it is not followed"
                self.problems.append(problem("TREE_LINK_OUTSIDE", base, text))

    def find(self, name: str) -> Path | None:
        """The file called `name`, a path below one of the bases as any system writes it; None when there is none."""
        relative = PurePosixPath(name.replace("\\", "/"))
        if not relative.name or relative.is_absolute() or ".." in relative.parts or "\0" in name:
            return None
        for place, base in enumerate(self.bases):
            path = base / relative
            if not path.is_file():
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(self.root.resolve()):
                continue
            if place:  # the next file is most likely in the same folder
                self.bases.insert(0, self.bases.pop(place))
            return path
        return None


def unlisted(found: Iterable[Path]) -> list[Problem]:
    """One note for each folder that holds other pictures beside those in `found`."""
    by_folder: dict[Path, set[str]] = {}
    for path in found:
        by_folder.setdefault(path.parent, set()).add(path.name)
    notes = []
    for folder, names in sorted(by_folder.items()):
        here = {path.name for path in folder.iterdir() if path.name.lower().endswith(ENDINGS)}
        if others := sorted(name for name in here - names if not name.startswith(".")):
            text = f"{len(others)} images, such as {others[0]}, are named by no annotation"
            notes.append(problem("ANN_UNLISTED", folder, text))
    return notes


def relative_name(path: Path, root: Path) -> str:
    """A file's path below the root with `/` between its parts."""
    return path.relative_to(root).as_posix()


def several(names: Sequence[str]) -> str:
    """A few names for a message.

    >>> several(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
