"""Data sets of which only some images are looked at before training: as many as the seed draws, half from each part.

Decoding a million images takes hours. What training has to know of its data before the first step, classes, sizes, how
rare each class is, is told by a few hundred. The part to validate with is held out by whole groups as ever, which
needs names only, and training reads all that is left.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from segue.configs import DataConfig
from segue.data.doctor.codes import problem
from segue.data.formats import open_index
from segue.data.index import Index, Sample
from segue.data.listing import Chosen, columns, digest
from segue.data.split import held_out
from segue.durable import write_text
from segue.errors import DataError, RunError, UsageError

LARGE = 100_000  # labelled images up to which all are looked at, unless somebody says how many
SOME = 512  # that are looked at of more
_KEY = (1 << 61) | 7  # a stream of random numbers of its own


@dataclass(frozen=True)
class Draw:
    """How images were drawn, enough to do it again: from which data, and by what. `digest` is that of the names."""

    paths: tuple[str, ...]
    format: str
    mask_name: str
    images: int
    digest: str
    most: int
    seed: int
    val_fraction: float


@dataclass(frozen=True)
class Whole:
    """All samples of a data set of which some were drawn; `train` and `val` are places in `samples`.

    `seen` are the places in `train` of those that were drawn.
    """

    draw: Draw
    samples: Sequence[Sample]
    train: Int64[np.ndarray, " train"]
    val: Int64[np.ndarray, " val"]
    seen: Int64[np.ndarray, " seen"]

    def of(self, part: str) -> Chosen:
        """All samples of one part, "train" or "val"."""
        if part == "train":
            return Chosen(self.samples, self.train, self.seen)
        return Chosen(self.samples, self.val)


def how_many(index: Index, config: DataConfig) -> int | None:
    """How many images to look at; None for all of them."""
    if config.look_at is None and len(index.samples) <= LARGE:
        return None
    known = columns(index.samples)
    labelled = sum(len(known.of(part)) for part in ("train", "val", ""))
    if config.look_at is None:
        return SOME if labelled > LARGE else None
    return config.look_at if config.look_at < labelled else None


def draw(index: Index, paths: Sequence[Path], config: DataConfig, seed: int, most: int) -> tuple[Index, Whole]:
    """`most` samples of a data set with their parts, and what is known of all.

    Raises `DataError` when a split of another run does not fit, and `UsageError` when all images would have to be
    compared.
    """
    if config.group_duplicates:
        raise UsageError(
            f"group_duplicates: expected all images to be looked at, got {most} of {len(index.samples)}: leave it out, "
            f"or give --data.look-at {len(index.samples)}"
        )
    found = Draw(
        paths=tuple(str(path.absolute()) for path in paths),
        format=config.format,
        mask_name=config.mask_name,
        images=len(index.samples),
        digest=digest(index.samples),
        most=most,
        seed=seed,
        val_fraction=config.val_fraction,
    )
    if config.split is not None:
        found = _as_split_before(found, config.split)
    return _drawn(index, found)


def _drawn(index: Index, how: Draw) -> tuple[Index, Whole]:
    known = columns(index.samples)
    train, val = known.of("train"), known.of("val")
    if not len(val):  # as `split` does: a training part alone is divided, else what belongs to no part
        pool = train if len(train) else known.of("")
        if len(pool) < 2:
            raise DataError(f"{index.root}: expected 2 or more labelled images, got {len(pool)}; label more")
        held = held_out(known.groups[pool], how.val_fraction, how.seed)
        train, val = pool[~held], pool[held]
    generator = np.random.Generator(np.random.Philox(key=[how.seed, _KEY]))
    val_count = min(len(val), max(how.most // 2, how.most - len(train)))
    places = {"train": _some(len(train), how.most - val_count, generator), "val": _some(len(val), val_count, generator)}
    whole = Whole(how, index.samples, train, val, seen=places["train"])
    samples = tuple(
        dataclasses.replace(sample, split=part) for part in places for sample in Chosen(whole.of(part), places[part])
    )
    text = (
        f"looked at {len(samples):,} images, drawn by the seed: {len(places['train']):,} of {len(train):,} to train "
        f"on, {len(places['val']):,} of {len(val):,} to validate with; classes, sizes and scores are those of these "
        "images, and near duplicates were not looked for"
    )
    found = problem("SET_DRAWN", index.root, text)
    return dataclasses.replace(index, samples=samples, problems=(*index.problems, found), drawn=True), whole


def _some(count: int, most: int, generator: np.random.Generator) -> Int64[np.ndarray, " chosen"]:
    """At most `most` of the first `count` numbers, ascending."""
    return np.sort(generator.permutation(count)[:most])


def save_draw(path: Path, whole: Whole) -> None:
    """Write instead of a split of names, which might be a million, how it was made."""
    write_text(path, json.dumps({"drawn": dataclasses.asdict(whole.draw)}, indent=1) + "\n")


def _as_split_before(now: Draw, path: Path) -> Draw:
    try:
        before = draw_from(json.loads(path.read_text(encoding="utf-8"))["drawn"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{path}: expected the split.json of a run on these {now.images} images, cannot read it as one ({error})"
        ) from None
    if before.digest != now.digest:
        raise DataError(
            f"{path}: expected a split of the data in {now.paths[0]}, but other images are listed there now"
        )
    return dataclasses.replace(now, seed=before.seed, val_fraction=before.val_fraction)


def draw_from(record: dict[str, Any]) -> Draw:
    """The inverse of `dataclasses.asdict`, checked by the constructor alone."""
    return Draw(**{**record, "paths": tuple(record["paths"])})


def draw_again(how: Draw, samples: Sequence[Sample]) -> Whole:
    """What `draw` found for a run, whose record has `samples`.

    Raises `DataError` when something else is listed now, `RunError` when this version draws otherwise.
    """
    index = open_index([Path(path) for path in how.paths], how.format, how.mask_name)
    if digest(index.samples) != how.digest:
        raise DataError(
            f"{how.paths[0]}: expected the images and masks the run was started with, other ones are listed there now: "
            "put them back, or start a new run"
        )
    drawn, whole = _drawn(index, how)
    if [sample.id for sample in drawn.samples] != [sample.id for sample in samples]:
        raise RunError(f"{how.paths[0]}: expected to draw the images the run did, drew others: start a new run")
    return whole
