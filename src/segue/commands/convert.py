"""`segue convert`: a data set in any layout, written in another one."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from segue.configs import ConvertConfig
from segue.console import progress_bar
from segue.data.appearing import appearing
from segue.data.findings import log_findings
from segue.data.formats import FORMATS, open_index
from segue.data.formats.layout import Format
from segue.data.formats.plain import Plain, choose_classes, make_plain
from segue.data.index import SPLITS, Index
from segue.data.palettes import with_palette
from segue.data.parallel import Update
from segue.data.split import split
from segue.errors import DataError, UsageError

CLASSES = "classes.yaml"  # written where the layout has no place for class names


@dataclass(frozen=True)
class ConvertResult:
    """What was written where, and what the layout had no place for.

    `splits` counts the images of each part, "none" being those of no part; `classes` are None where masks were copied
    as they are and nothing names their values.
    """

    source: Path
    source_format: str
    out: Path
    format: str
    images: int
    labelled: int
    splits: dict[str, int]
    classes: tuple[str, ...] | None
    lost: tuple[str, ...]
    dry_run: bool = False
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "source": str(self.source),
            "source_format": self.source_format,
            "out": str(self.out),
            "format": self.format,
            "images": self.images,
            "labelled": self.labelled,
            "splits": self.splits,
            "classes": list(self.classes) if self.classes is not None else None,
            "lost": list(self.lost),
            "dry_run": self.dry_run,
        }

    def lines(self) -> list[str]:
        """The result for people."""
        parts = ", ".join(f"{count} in {name}" for name, count in self.splits.items())
        named = f", {len(self.classes)} classes" if self.classes is not None else ""
        return [
            f"{self.source_format} to {self.format}: {self.images} images ({parts}), {self.labelled} labelled{named}",
            *(f"not kept: {text}" for text in self.lost),
            "dry run: nothing was written" if self.dry_run else f"written: {self.out}",
        ]


@dataclass(frozen=True)
class Dropped:
    """What fell away on the way: pixels that are not labelled, images without a mask, masks' places on the Earth."""

    pixels: int = 0
    images: int = 0
    places: int = 0


def run(config: ConvertConfig) -> ConvertResult:
    """Convert as `config` says; see `ConvertConfig` for what each option does. The new folder appears whole, or not.

    Raises `UsageError` for a wrong option, `DataError` when the data cannot be read or the layout cannot hold it.
    """
    if len(config.paths) not in (2, 3):
        raise UsageError("expected the data and a new folder: segue convert DATA NEW --to coco")
    if not config.to:
        raise UsageError(f"expected a layout to write: --to with one of {', '.join(FORMATS)}")
    target: Format = FORMATS[config.to]
    *paths, out = config.paths
    _refuse(out, paths)
    index, left_out = _read(config, paths)
    source_format, classes, dropped = index.format, None, Dropped(images=left_out)
    with tempfile.TemporaryDirectory(prefix="segue-convert-") as aside, progress_bar("converting") as update:
        if not _may_be_copied(config, index, target):
            plain = _plain(config, index, Path(aside), update)
            index, classes = plain.index, plain.classes.names
            dropped = replace(dropped, pixels=plain.unlabelled, places=plain.rasters)
        if not config.dry_run:
            with appearing(out, "choose another folder") as folder:
                target.write(index, folder, lambda share, text: update(0.5 + share / 2, f"writing {text}"))
                if classes is not None and not target.names:
                    _write_names(folder / CLASSES, classes)
    maskless = 0 if target.unlabelled else sum(sample.mask is None for sample in index.samples)
    dropped = replace(dropped, images=left_out + maskless)
    counts = Counter(sample.split or "none" for sample in index.samples)
    return ConvertResult(
        source=index.root,
        source_format=source_format,
        out=out,
        format=config.to,
        images=len(index.samples) - maskless,
        labelled=sum(sample.mask is not None for sample in index.samples),
        splits={name: counts[name] for name in (*SPLITS, "none") if counts[name]},
        classes=classes if classes is not None else _named(index),
        lost=tuple(_lost(config, source_format, index, classes, dropped)),
        dry_run=config.dry_run,
    )


def _refuse(out: Path, paths: Sequence[Path]) -> None:
    if any(out.resolve().is_relative_to(path.resolve()) for path in paths):
        raise UsageError(f"expected a new folder apart from the data, got {out}, which lies inside it")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out}: expected a new or empty folder to write to, found files in it; choose another")


def _read(config: ConvertConfig, paths: Sequence[Path]) -> tuple[Index, int]:
    """The data set, divided where that is asked for, and how many images without a mask were left out for it."""
    index = open_index(paths, config.format, config.mask_name)
    log_findings(index.problems)
    if config.palette:
        index = with_palette(index, config.palette)
    if config.val_fraction is not None:
        index = split(index, config.val_fraction, config.seed)
    if not any(sample.split for sample in index.samples):
        return index, 0
    kept = tuple(sample for sample in index.samples if sample.split or sample.mask is not None)
    return replace(index, samples=kept), len(index.samples) - len(kept)


def _may_be_copied(config: ConvertConfig, index: Index, target: Format) -> bool:
    """Whether the masks can be copied as they are: nothing about them is known that the layout could not say too."""
    if config.names or config.ignore or config.merge:
        return False
    nothing_known = not (index.names or index.ignore)
    return index.format == config.to or (nothing_known and not target.names and target.ignore)


def _named(index: Index) -> tuple[str, ...] | None:
    """The classes a layout names; None where it names none."""
    return tuple(name for value, name in enumerate(index.names) if value not in index.ignore) or None


def _plain(config: ConvertConfig, index: Index, aside: Path, update: Update) -> Plain:
    update(0.0, "reading masks")
    classes = choose_classes(index, config.names, config.ignore, config.merge.to_dict())
    return make_plain(index, classes, aside, lambda share, text: update(share / 2, f"encoding {text}"))


def _write_names(path: Path, classes: tuple[str, ...]) -> None:
    text = yaml.safe_dump({"data": {"names": list(classes)}}, allow_unicode=True, sort_keys=False)
    path.write_text(text, encoding="utf-8")


def _lost(
    config: ConvertConfig, source_format: str, index: Index, classes: tuple[str, ...] | None, dropped: Dropped
) -> Iterator[str]:
    """What is not kept, a sentence each."""
    target: Format = FORMATS[config.to]
    out = config.paths[-1]
    if FORMATS[source_format].single_objects:
        yield "single objects: where those of one class overlap or touch, they are one region"
    if not target.splits and any(sample.split for sample in index.samples):
        yield "the division into parts, which the layout has no place for"
    if not target.names and classes is not None:
        yield f"class names, but they are in {CLASSES}: segue fit {out} --config {out / CLASSES}"
    if not target.ignore and dropped.pixels:
        yield f"{dropped.pixels} pixels that are not labelled: they become background"
    if dropped.images:
        yield f"{dropped.images} images without a mask"
    if dropped.places:
        yield f"the place on the Earth of {dropped.places} masks; images keep theirs"
