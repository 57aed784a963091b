"""The pixels on which pretrained sources are compared: drawn once from the seed, the same for every candidate.

Classes count alike as far as they can: every image gives its share of the pixels in equal parts of the classes in it,
and no class gets more than twice its part. Most pixels lie inside cells of one class, because a value of a feature map
stands for a whole cell and mixes what meets there; some are drawn anywhere, since borders are part of the task.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8
from numpy.typing import NDArray

from segue.data.classes import IGNORE
from segue.data.geometry import Preprocessing, resize_image, resize_labels, working_size
from segue.data.loader import read_sample
from segue.data.parallel import in_order
from segue.data.prepare import Data

WANTED = 20_000  # pixels in all
MOST_IMAGES = 150
MOST_BYTES = 2**30  # of decoded images, kept for every candidate to see
FEWEST = 20  # pixels below which a class says nothing
CELL = 8  # pixels: the side of the cells that most of the draw keeps away from the borders of
INNER = 0.8  # share of the draw that does
HOLDERS = 4  # images of each class that are looked at, where there are as many
_ROUNDS = 20

Image = NDArray[np.generic]
Labels = UInt8[np.ndarray, "height width"]
Counts = Int64[np.ndarray, "images classes"]


@dataclass(frozen=True)
class PixelSample:
    """Images at the size inference sees them, and the pixels drawn from them.

    Pixel i lies at `rows[i]`, `columns[i]` of `images[image_of[i]]` and has the class `labels[i]`. `dropped` are the
    classes that have pixels, yet too few to be drawn.
    """

    images: tuple[Image, ...]
    image_of: Int64[np.ndarray, " pixels"]
    rows: Int64[np.ndarray, " pixels"]
    columns: Int64[np.ndarray, " pixels"]
    labels: Int64[np.ndarray, " pixels"]
    dropped: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> int:
        """How many classes were drawn."""
        return len(np.unique(self.labels))


def draw_pixels(data: Data, prep: Preprocessing, seed: int, most_images: int = MOST_IMAGES) -> PixelSample:
    """Draw about `WANTED` pixels of the training images; `prep` says at which size they are seen."""
    samples = data.of("train")
    room = MOST_BYTES // max(1, round(prep.channels * prep.size[0] * prep.size[1] * prep.zoom**2))
    most = max(1, min(most_images, MOST_IMAGES, room))
    chosen = [samples[place] for place in choose_images(data.counts_of("train"), most, seed)]

    def load(place: int) -> tuple[Image, Labels]:
        image, labels = read_sample(chosen[place], data.classes, prep)
        size = working_size(labels.shape[0], labels.shape[1], prep)
        return resize_image(image, size), resize_labels(labels, size)

    images, labels = zip(*in_order(load, range(len(chosen))), strict=True)
    return _drawn(images, labels, data.classes.names, seed)


def choose_images(counts: Counts, most: int, seed: int) -> list[int]:
    """At most `most` images in a random order, those of the rarest classes first; ascending."""
    order = _generator(seed, 0).permutation(len(counts))
    shown = counts > 0
    chosen: list[int] = []
    for rarest in np.argsort(shown.sum(axis=0), kind="stable"):
        holders = [int(image) for image in order if shown[image, rarest]][:HOLDERS]
        chosen += [image for image in holders if image not in chosen]
    chosen += [int(image) for image in order if int(image) not in chosen]
    return sorted(chosen[:most])


def quotas(available: Counts, wanted: int) -> Counts:
    """How many pixels each image gives of each class, never more than it has.

    Every image begins with an equal part, split equally over its classes. What a class cannot give, or is given past
    twice its part, goes to where there is room.
    """
    shown = available > 0
    part = wanted / max(1, shown.any(axis=1).sum())
    most = 2 * wanted / max(1, shown.any(axis=0).sum())
    share: Float64[np.ndarray, "images classes"] = np.where(shown, part / shown.sum(axis=1, keepdims=True).clip(1), 0)
    for _ in range(_ROUNDS):
        share = np.minimum(share, available)
        share *= np.minimum(1, most / share.sum(axis=0).clip(1e-9))
        missing = wanted - share.sum()
        open_ = (share < available) & (share.sum(axis=0) < 0.999 * most)
        if missing < 1 or not open_.any():
            break
        share += np.where(open_, missing / open_.sum(), 0)
    whole: Counts = np.floor(np.minimum(share, available) + 1e-6).astype(np.int64)
    return whole


def inside_cells(labels: Labels, cell: int = CELL) -> Bool[np.ndarray, "height width"]:
    """Which pixels lie in a cell (of a grid from the upper left) that holds one label only."""
    height, width = labels.shape
    padded = np.pad(labels, ((0, -height % cell), (0, -width % cell)), mode="edge")
    blocks = padded.reshape(padded.shape[0] // cell, cell, padded.shape[1] // cell, cell)
    plain = blocks.max(axis=(1, 3)) == blocks.min(axis=(1, 3))
    return np.asarray(plain.repeat(cell, axis=0).repeat(cell, axis=1)[:height, :width])


def _drawn(images: Sequence[Image], labels: Sequence[Labels], names: Sequence[str], seed: int) -> PixelSample:
    available = np.stack([np.bincount(one.ravel(), minlength=IGNORE + 1)[: len(names)] for one in labels])
    wanted = quotas(available, WANTED)
    few = (wanted.sum(axis=0) < FEWEST) & (available.sum(axis=0) > 0)
    wanted[:, few] = 0
    generator = _generator(seed, 1)
    found: list[tuple[int, int, NDArray[np.int64]]] = []
    for image, one in enumerate(labels):
        inner = inside_cells(one).ravel()
        for label in np.flatnonzero(wanted[image]):
            places = np.flatnonzero(one.ravel() == label)
            found.append((image, int(label), _places(places, inner[places], int(wanted[image, label]), generator)))
    flat = np.concatenate([places for _, _, places in found]) if found else np.zeros(0, np.int64)
    lengths = [len(places) for _, _, places in found]
    image_of = np.repeat(np.array([image for image, _, _ in found], np.int64), lengths)
    widths = np.array([one.shape[1] for one in labels], np.int64)[image_of]
    return PixelSample(
        images=tuple(images),
        image_of=image_of,
        rows=flat // widths,
        columns=flat % widths,
        labels=np.repeat(np.array([label for _, label, _ in found], np.int64), lengths),
        dropped=tuple(name for name, is_few in zip(names, few, strict=True) if is_few),
    )


def _places(
    places: NDArray[np.int64], inner: NDArray[np.bool_], wanted: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """`wanted` of the places without replacement: at first those inside cells, as far as they go, the rest anywhere."""
    inside = generator.permutation(places[inner])[: math.floor(INNER * wanted)]
    rest = generator.permutation(np.setdiff1d(places, inside))[: wanted - len(inside)]
    return np.concatenate([inside, rest])


def _generator(seed: int, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, (1 << 61) | stream]))
