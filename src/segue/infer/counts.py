"""The confusion matrix of every image of an evaluation as a file: what an exact comparison of two runs draws from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Int64

from segue.durable import write_durably
from segue.errors import RunError

FILE = "confusion.npz"


@dataclass(frozen=True)
class Counts:
    """Confusion matrices (rows truth) of the images `ids`, which belong to `groups`, over the classes `names`."""

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    names: tuple[str, ...]
    matrices: Int64[np.ndarray, "images classes classes"]


def save_counts(path: Path, counts: Counts) -> None:
    """Write `ids`, `groups`, `names`, and of the matrices the cells that are not zero.

    `cell` is the position in the array (images, classes, classes), read row by row, and `count` the pixels there. Most
    cells are zero where there are many classes, so 2 000 images of 150 classes take a few megabytes.
    """
    ids, groups, names = (np.array(texts, dtype=np.str_) for texts in (counts.ids, counts.groups, counts.names))
    cells = np.flatnonzero(counts.matrices)
    values = counts.matrices.ravel()[cells]

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:  # given a name, numpy would append an ending of its own
            np.savez_compressed(file, ids=ids, groups=groups, names=names, cell=cells, count=values)

    write_durably(path, write, cells.nbytes + values.nbytes)


def load_counts(path: Path) -> Counts:
    """Read what `save_counts` wrote; raises `RunError` when the file is missing or damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            ids, groups, names = (tuple(held[name].tolist()) for name in ("ids", "groups", "names"))
            matrices = np.zeros(len(ids) * len(names) ** 2, dtype=np.int64)
            matrices[held["cell"]] = held["count"]
        return Counts(ids, groups, names, matrices.reshape(len(ids), len(names), len(names)))
    except (OSError, ValueError, LookupError, TypeError, EOFError, BadZipFile) as error:
        raise RunError(
            f"{path}: expected the confusion matrices of an evaluation, cannot read them ({error}): evaluate again "
            "with segue evaluate RUN DATA --out FOLDER"
        ) from None
