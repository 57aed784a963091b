"""From paths to everything training needs to know about the data, checked; and the record of it in the run folder."""

from __future__ import annotations

import dataclasses
import json
import logging
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from segue.configs import DataConfig
from segue.conversion import from_dict
from segue.data.bands import Bands, measure
from segue.data.census import class_pixels
from segue.data.classes import Classes, Merged
from segue.data.doctor import examine
from segue.data.drawn.cache import is_drawn
from segue.data.findings import log_findings
from segue.data.formats import open_index
from segue.data.grouping import keep_together
from segue.data.index import Index, Problem, Sample
from segue.data.palettes import with_palette
from segue.data.parallel import Update
from segue.data.partly import Whole, draw, draw_again, draw_from, how_many
from segue.data.split import load_split, split
from segue.durable import write_text
from segue.errors import DataError, RunError, UsageError

_log = logging.getLogger("segue")


@dataclass(frozen=True)
class Data:
    """A data set ready for training.

    `samples` are labelled and carry a split; `pixels` are their pixels of each class, in their order; `sizes` are
    (height, width) of the training images, in theirs; `channels` is what the network will take; `findings` are the
    doctor's warnings and notes. `bands` is what was measured where the encoder's own statistics do not apply. `whole`
    is there when `samples` are only those that were looked at (see `segue.data.partly`).
    """

    root: Path
    format: str
    classes: Classes
    samples: tuple[Sample, ...]
    pixels: Int64[np.ndarray, "samples classes"]
    sizes: tuple[tuple[int, int], ...]
    channels: int
    findings: tuple[Problem, ...]
    bands: Bands | None = None
    whole: Whole | None = None

    def of(self, part: str) -> tuple[Sample, ...]:
        """The samples of one split, as far as they were looked at."""
        return tuple(sample for sample in self.samples if sample.split == part)

    def all(self, part: str) -> Sequence[Sample]:
        """The samples of one split, looked at or not."""
        return self.whole.of(part) if self.whole else self.of(part)

    def counts_of(self, part: str) -> Int64[np.ndarray, "samples classes"]:
        """Pixels of each class in the samples of one split, in the order of `of`."""
        return np.asarray(self.pixels[[sample.split == part for sample in self.samples]])

    def pixels_of(self, part: str) -> Int64[np.ndarray, " classes"]:
        """Pixels of each class over all samples of one split."""
        return np.asarray(self.counts_of(part).sum(axis=0))


def prepare(paths: tuple[Path, ...], config: DataConfig, seed: int, update: Update, index: Index | None = None) -> Data:
    """Read the layout, split by group where no split is given, examine every file, and settle the classes.

    `index` is what `open_index` made of the same options, where somebody looked before.

    Raises `DataError` with one line when anything is wrong that training could not survive.
    """

    def assign(index: Index, presence: dict[str, frozenset[int]], same: Sequence[tuple[str, str]]) -> Index:
        if whole is not None:
            return index
        index = keep_together(index, same) if config.group_duplicates else index
        if config.split is not None:
            return load_split(index, config.split)
        return split(index, config.val_fraction, seed, presence)

    index = index or open_index(paths, config.format, config.mask_name)
    if config.palette:
        index = with_palette(index, config.palette)
    whole, most = None, how_many(index, config)
    if most is not None:
        index, whole = draw(index, paths, config, seed, most)
        _log.info("%s", index.problems[-1].message)
    # the test part takes no part: not in the checks, not in the classes
    index = dataclasses.replace(index, samples=tuple(sample for sample in index.samples if sample.split != "test"))
    merge = config.merge.to_dict()
    diagnosis = examine(index, names=config.names, ignore=config.ignore, merge=merge, assign=assign, update=update)
    _refuse(diagnosis.errors, paths)
    log_findings(diagnosis.warnings)
    assert diagnosis.classes is not None, "examine settles the classes of data without errors"
    seen = [
        (one.sample, one.image, one.mask)
        for one in diagnosis.looked
        if one.sample.split in ("train", "val") and one.image is not None and one.mask is not None
    ]
    pixels = [class_pixels(mask, diagnosis.classes) for _, _, mask in seen]
    data = Data(
        root=index.root.resolve(),
        format=index.format,
        classes=diagnosis.classes,
        samples=tuple(sample for sample, _, _ in seen),
        pixels=np.array(pixels, dtype=np.int64).reshape(-1, len(diagnosis.classes)),
        sizes=tuple((image.height, image.width) for sample, image, _ in seen if sample.split == "train"),
        # grey images are shown to a colour network as grey; any other mixture was refused
        channels=max((image.channels for _, image, _ in seen), default=0),
        findings=diagnosis.problems,
        whole=whole,
    )
    _require_both_parts(data, len(index.samples))
    return dataclasses.replace(data, bands=measure([sample.image for sample in data.of("train")], data.channels))


def _refuse(errors: tuple[Problem, ...], paths: tuple[Path, ...]) -> None:
    if not errors:
        return
    first = errors[0]
    others = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    command = shlex.join(["segue", "doctor", *(str(path) for path in paths)])
    raise DataError(f"{first.path}: {first.message}: {first.remedy}{others}; all of them: {command}")


def _require_both_parts(data: Data, images: int) -> None:
    for part, use in (("train", "train on"), ("val", "validate with")):
        held = data.of(part)
        if not held:
            raise DataError(
                f"{data.root}: expected labelled images to {use}, got none among {images} images: "
                "add image and mask pairs"
            )
        if data.pixels_of(part).sum() == 0:
            raise DataError(
                f"{held[0].mask}: expected labelled pixels to {use}, every pixel of {len(held)} masks is ignored: "
                "check which mask values mean 'not labelled'"
            )


def save_data(path: Path, data: Data) -> None:
    """Write the record that `load_data` reads: classes, samples with their splits, and the size of every file."""
    samples = [
        {
            "id": sample.id,
            "image": str(sample.image.resolve()),
            "mask": str(sample.mask.resolve()) if sample.mask else None,
            "split": sample.split,
            "group": sample.group,
            "bytes": bytes_on_disk(sample),
            "pixels": pixels.tolist(),
        }
        for sample, pixels in zip(data.samples, data.pixels, strict=True)
    ]
    record = {
        "root": str(data.root),
        "format": data.format,
        "channels": data.channels,
        "bands": dataclasses.asdict(data.bands) if data.bands else None,
        "classes": dataclasses.asdict(data.classes),
        "samples": samples,
        "sizes": data.sizes,
        "drawn": dataclasses.asdict(data.whole.draw) if data.whole else None,
        "findings": [{**dataclasses.asdict(problem), "path": str(problem.path)} for problem in data.findings],
    }
    write_text(path, json.dumps(record, indent=1))


def load_data(path: Path) -> Data:
    """Read back a record and make sure the files are still those it was written for.

    Raises `RunError` when the record is damaged and `DataError` when files changed or are gone.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        samples = tuple(_sample(entry) for entry in record["samples"])
        classes = _classes(record["classes"])
        pixels = np.array([entry["pixels"] for entry in record["samples"]], dtype=np.int64)
        data = Data(
            root=Path(record["root"]),
            format=record["format"],
            classes=classes,
            samples=samples,
            pixels=pixels.reshape(-1, len(classes)),
            sizes=tuple((height, width) for height, width in record["sizes"]),
            channels=record["channels"],
            findings=tuple(Problem(**{**entry, "path": Path(entry["path"])}) for entry in record["findings"]),
            bands=from_dict(Bands, record["bands"]) if record.get("bands") else None,
        )
        recorded = [entry["bytes"] for entry in record["samples"]]
        how = draw_from(record["drawn"]) if record.get("drawn") else None
    except (OSError, ValueError, KeyError, TypeError, UsageError) as error:
        raise RunError(f"{path}: expected the record of a run's data, got a damaged one ({error})") from None
    if how is not None:
        data = dataclasses.replace(data, whole=draw_again(how, data.samples))
    drawn_again(data)
    changed = [s.image for s, size in zip(samples, recorded, strict=True) if bytes_on_disk(s) != size]
    if changed:
        raise DataError(
            f"{changed[0]}: expected the image and mask the run was started with, {len(changed)} changed or are gone: "
            "put them back, or start a new run"
        )
    return data


def drawn_again(data: Data) -> None:
    """Draw masks that were drawn from annotations and are gone: the cache they lie in may be emptied at any time."""
    gone = [sample for sample in data.samples if sample.mask is not None and not sample.mask.exists()]
    if any(sample.mask is not None and is_drawn(sample.mask) for sample in gone):
        open_index((data.root,), data.format)


def bytes_on_disk(sample: Sample) -> int:
    """Size of a sample's files together, one less for each that is gone: tells whether they are still the same."""
    files = [sample.image, *([sample.mask] if sample.mask else [])]
    return sum(file.stat().st_size if file.is_file() else -1 for file in files)


def _sample(entry: dict[str, Any]) -> Sample:
    mask = Path(entry["mask"]) if entry["mask"] else None
    return Sample(entry["id"], Path(entry["image"]), mask, entry["split"], entry["group"])


def _classes(entry: dict[str, Any]) -> Classes:
    return Classes(
        names=tuple(entry["names"]),
        palette=tuple((r, g, b) for r, g, b in entry["palette"]),
        values=tuple(_value(value) for value in entry["values"]),
        ignored=tuple(_value(value) for value in entry["ignored"]),
        merged=tuple(Merged(one["name"], _value(one["value"]), one["id"]) for one in entry.get("merged", ())),
    )


def _value(value: int | list[int]) -> int | tuple[int, int, int]:
    return value if isinstance(value, int) else (value[0], value[1], value[2])
