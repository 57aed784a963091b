"""From paths to everything training needs to know about the data, checked; and the record of it in the run folder."""

from __future__ import annotations

import dataclasses
import json
import logging
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segue.configs import DataConfig
from segue.data.census import count_pixels
from segue.data.classes import Classes
from segue.data.doctor import examine
from segue.data.formats import open_index
from segue.data.image import image_size, read_image
from segue.data.index import Index, Problem, Sample
from segue.data.split import load_split, split
from segue.durable import write_text
from segue.errors import DataError, RunError

_PEEKED = 16  # images decoded to learn the number of channels

_log = logging.getLogger("segue")
Update = Callable[[float, str], None]


@dataclass(frozen=True)
class Data:
    """A data set ready for training.

    `samples` are labelled and carry a split; `sizes` are (height, width) of the training images, in their order;
    `channels` is what the network will take; `findings` are the doctor's warnings and notes.
    """

    root: Path
    format: str
    classes: Classes
    samples: tuple[Sample, ...]
    sizes: tuple[tuple[int, int], ...]
    channels: int
    findings: tuple[Problem, ...]

    def of(self, part: str) -> tuple[Sample, ...]:
        """The samples of one split."""
        return tuple(sample for sample in self.samples if sample.split == part)


def prepare(paths: tuple[Path, ...], config: DataConfig, seed: int, update: Update) -> Data:
    """Read the layout, split by group where no split is given, examine every file, and settle the classes.

    Raises `DataError` with one line when anything is wrong that training could not survive.
    """

    def assign(index: Index, presence: dict[str, frozenset[int]]) -> Index:
        if config.split is not None:
            return load_split(index, config.split)
        return split(index, config.val_fraction, seed, presence)

    index = open_index(paths, config.format, config.mask_name)
    # the test part takes no part: not in the checks, not in the classes
    index = dataclasses.replace(index, samples=tuple(sample for sample in index.samples if sample.split != "test"))
    diagnosis = examine(index, names=config.names, ignore=config.ignore, assign=assign, update=update)
    _refuse(diagnosis.errors, paths)
    _log_warnings(diagnosis.warnings)
    samples = tuple(s for s in diagnosis.samples if s.mask is not None and s.split in ("train", "val"))
    assert diagnosis.classes is not None, "examine settles the classes of data without errors"
    _require_both_parts(samples, diagnosis.classes, index)
    train = [sample for sample in samples if sample.split == "train"]
    return Data(
        root=index.root.resolve(),
        format=index.format,
        classes=diagnosis.classes,
        samples=samples,
        sizes=tuple(image_size(sample.image) for sample in train),
        channels=common_channels(train),
        findings=diagnosis.problems,
    )


def _refuse(errors: tuple[Problem, ...], paths: tuple[Path, ...]) -> None:
    if not errors:
        return
    first = errors[0]
    others = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    command = shlex.join(["segue", "doctor", *(str(path) for path in paths)])
    raise DataError(f"{first.path}: {first.message}: {first.remedy}{others}; all of them: {command}")


def _log_warnings(warnings: tuple[Problem, ...]) -> None:
    for code in dict.fromkeys(warning.code for warning in warnings):
        same = [warning for warning in warnings if warning.code == code]
        more = f" (and {len(same) - 1} more)" if len(same) > 1 else ""
        _log.warning("warning %s: %s: %s%s", code, same[0].path, same[0].message, more)


def _require_both_parts(samples: tuple[Sample, ...], classes: Classes, index: Index) -> None:
    for part, use in (("train", "train on"), ("val", "validate with")):
        held = [sample for sample in samples if sample.split == part]
        if not held:
            raise DataError(
                f"{index.root}: expected labelled images to {use}, got none among {len(index.samples)} images: "
                "add image and mask pairs"
            )
        pixels, counted = count_pixels(held, classes)
        if pixels.sum() == 0:
            raise DataError(
                f"{held[0].mask}: expected labelled pixels to {use}, every pixel of {counted} masks is ignored: "
                "check which mask values mean 'not labelled'"
            )


def common_channels(samples: list[Sample]) -> int:
    """The channels the network takes: 1 when all images are grey, 3 for colour or a mixture, else the exact count."""
    step = max(1, len(samples) // _PEEKED)
    counts = {sample: int(read_image(sample.image).shape[2]) for sample in samples[::step][:_PEEKED]}
    kinds = set(counts.values())
    if kinds <= {1, 3}:
        return max(kinds)
    if len(kinds) == 1:
        return kinds.pop()
    odd = min(counts, key=lambda sample: counts[sample])
    raise DataError(
        f"{odd.image}: expected {max(kinds)} channels like other images, got {counts[odd]}: "
        "bring all images to one form"
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
            "bytes": _bytes(sample),
        }
        for sample in data.samples
    ]
    record = {
        "root": str(data.root),
        "format": data.format,
        "channels": data.channels,
        "classes": dataclasses.asdict(data.classes),
        "samples": samples,
        "sizes": data.sizes,
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
        data = Data(
            root=Path(record["root"]),
            format=record["format"],
            classes=_classes(record["classes"]),
            samples=samples,
            sizes=tuple((height, width) for height, width in record["sizes"]),
            channels=record["channels"],
            findings=tuple(Problem(**{**entry, "path": Path(entry["path"])}) for entry in record["findings"]),
        )
        recorded = [entry["bytes"] for entry in record["samples"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path}: expected the record of a run's data, got a damaged one ({error})") from None
    changed = [s.image for s, size in zip(samples, recorded, strict=True) if _bytes(s) != size]
    if changed:
        raise DataError(
            f"{changed[0]}: expected the image and mask the run was started with, {len(changed)} changed or are gone: "
            "put them back, or start a new run"
        )
    return data


def _bytes(sample: Sample) -> int:
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
    )


def _value(value: int | list[int]) -> int | tuple[int, int, int]:
    return value if isinstance(value, int) else (value[0], value[1], value[2])
