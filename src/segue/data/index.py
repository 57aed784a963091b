"""What a data set on disk is, once its layout is understood: a list of samples, without any pixel read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Sample:
    """One image and its mask.

    `id` is unique in the data set, stable across machines, and safe as a relative POSIX path: the image's path below
    the root without its ending. `mask` is None for an unlabelled image. `split` is one of `SPLITS`, or "" when the
    layout gives none. `group` names what must stay on one side of a split (the frames of a video, the slices of a
    patient).
    """

    id: str
    image: Path
    mask: Path | None
    split: str = ""
    group: str = ""


@dataclass(frozen=True)
class Problem:
    """One finding about the data: a stable code, where, what, and what to do about it.

    `code` is upper case with underscores (`MASK_UNKNOWN_VALUE`); `severity` is "error" (fit refuses), "warning" or
    "info"; `path` is the file or folder; `message` says expected and got; `remedy` is one imperative line;
    `fixable` says whether `segue doctor --fix` repairs it.
    """

    code: str
    severity: str
    path: Path
    message: str
    remedy: str
    fixable: bool = False


@dataclass(frozen=True)
class Index:
    """A data set: its root, the layout it was read as, its samples, and what was wrong with the pairing.

    `names` are class names when the layout fixes them (by mask value), else empty. `ignore` are raw mask values that
    the layout itself declares unlabelled; a name may stand for such a value and is then no class. `colours`, one per
    name, are those the classes are shown in, and what the masks hold where they are coded by colour. `drawn` says that
    the samples are a few of many (see `segue.data.partly`).
    """

    root: Path
    format: str
    samples: Sequence[Sample]
    problems: tuple[Problem, ...] = ()
    names: tuple[str, ...] = ()
    ignore: tuple[int, ...] = ()
    colours: tuple[tuple[int, int, int], ...] = ()
    drawn: bool = False

    def of(self, split: str) -> tuple[Sample, ...]:
        """The samples of one split."""
        return tuple(sample for sample in self.samples if sample.split == split)
