"""What a data set is, in numbers: all that decisions are made from.

Counts, sizes and likenesses come from the doctor's examination, which has seen every file; only the sizes of objects
need some masks again.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segue.data.bands import numbers_of
from segue.data.geotiff import raster_info
from segue.data.image import is_raster
from segue.data.prepare import Data
from segue.planning.machine import Machine
from segue.planning.objects import object_areas

VERSION = 1
FINGERPRINT = "fingerprint.json"
ALIKE = ("DUPLICATE_EXACT", "DUPLICATE_NEAR", "LEAK_EXACT", "LEAK_NEAR")
QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Quantiles:
    """Of a set of numbers: how many there are, the 10 %, 50 % and 90 % quantiles; None of an empty set."""

    count: int
    p10: float | None
    p50: float | None
    p90: float | None

    @classmethod
    def of(cls, values: Sequence[float] | np.ndarray) -> Quantiles:
        """Measure; rounded to a tenth."""
        if len(values) == 0:
            return cls(0, None, None, None)
        return cls(len(values), *(round(float(quantile), 1) for quantile in np.quantile(values, QUANTILES)))


@dataclass(frozen=True)
class ClassFacts:
    """A class: its share of the labelled training pixels, the share of training images that show it, its objects.

    `objects` are connected regions in the images looked at, their areas in pixels of the masks.
    """

    name: str
    pixel_share: float
    image_share: float
    val_images: int
    objects: Quantiles


@dataclass(frozen=True)
class Fingerprint:
    """The data set at `root`, read as `format`, in numbers.

    `train` and `val` are images, `groups` what must stay together (videos, folders, patients) in both, and `val_given`
    says whether the layout has a validation part of its own. `height` and `width` are of the training images.
    `pixels` are all pixels of the training images, of which `unlabelled_share` (0-1) has no class. `numbers` is
    `8-bit`, `16-bit`, or of a raster `integer` or `float`; `georeferenced` says whether the images lie on a map.
    `near_duplicates` is the share of images that repeat another one, exactly or nearly; `objects_seen` the number of
    images the objects were measured on, drawn by `seed`. `machine` is None where nothing had to be known of it.
    """

    version: int
    root: str
    format: str
    train: int
    val: int
    val_given: bool
    groups: int
    classes: tuple[ClassFacts, ...]
    height: Quantiles
    width: Quantiles
    pixels: int
    unlabelled_share: float
    channels: int
    numbers: str
    georeferenced: bool
    near_duplicates: float
    objects_seen: int
    seed: int
    machine: Machine | None

    def to_json(self) -> str:
        """The text of fingerprint.json."""
        return json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False)


def take_fingerprint(data: Data, machine: Machine | None, seed: int, *, val_given: bool) -> Fingerprint:
    """Put together what is known of prepared data."""
    counts, first = data.counts_of("train"), data.of("train")[0].image
    pixels = sum(height * width for height, width in data.sizes)
    areas, seen = object_areas(data, seed)
    alike = {problem.path for problem in data.findings if problem.code in ALIKE}
    return Fingerprint(
        version=VERSION,
        root=str(data.root),
        format=data.format,
        train=len(data.all("train")),
        val=len(data.all("val")),
        val_given=val_given,
        groups=len({sample.group or sample.id for sample in data.samples}),
        classes=tuple(
            ClassFacts(
                name=name,
                pixel_share=_rounded(counts[:, label].sum() / max(1, counts.sum())),
                image_share=_rounded((counts[:, label] > 0).mean()),
                val_images=int((data.counts_of("val")[:, label] > 0).sum()),
                objects=Quantiles.of(areas[label]),
            )
            for label, name in enumerate(data.classes.names)
        ),
        height=Quantiles.of([height for height, _ in data.sizes]),
        width=Quantiles.of([width for _, width in data.sizes]),
        pixels=pixels,
        unlabelled_share=_rounded(1 - counts.sum() / max(1, pixels)),
        channels=data.channels,
        numbers=_numbers(data, first),
        georeferenced=_is_georeferenced(first),
        near_duplicates=_rounded(len(alike) / len(data.samples)),
        objects_seen=seen,
        seed=seed,
        machine=machine,
    )


def _numbers(data: Data, first: Path) -> str:
    """As `numbers_of` says; pictures of more than 8 bits were noted by the doctor."""
    if any(problem.code == "IMG_16BIT" for problem in data.findings):
        return "16-bit"
    return numbers_of(first)


def _is_georeferenced(path: Path) -> bool:
    place = raster_info(path).georeference if is_raster(path) else None
    return place is not None and place.crs is not None


def _rounded(share: float) -> float:
    return round(float(share), 5)
