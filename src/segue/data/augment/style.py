"""What is taken from a picture whose look another gets, and where such pictures come from.

Of a style no pixel is kept, only the amplitude of its slow waves, its histogram and, where a painter asks for them, the
moments of its features, all at the size of a crop: some tens of kilobytes.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from segue.configs import AugmentConfig
from segue.data.augment.fda import Amplitude, amplitude_of
from segue.data.augment.histogram import Counts, as_levels, level_counts
from segue.data.augment.source import Source
from segue.data.augment.stylise import Moments, Painter
from segue.data.augment.view import Pixels
from segue.data.census import spread
from segue.data.geometry import resize_image
from segue.data.image import read_with_missing, to_channels
from segue.data.parallel import for_each
from segue.data.walk import pictures
from segue.errors import DataError

MOST = 256  # styles of one training, evenly spread over those there are
REACH = 4  # sides of the crop that the style of a labelled sample is taken from, around its middle, at most
CHANNELS = 3

_log = logging.getLogger("segue")


class Style(NamedTuple):
    """The look of a picture: see `fda.amplitude_of`, `histogram.level_counts` and `stylise.Painter`."""

    amplitude: Amplitude
    counts: Counts
    moments: Moments | None = None


class Styles:
    """Styles by number, made when first drawn and kept; any thread may draw.

    `make` gives a style by its number, `count` is how many there are.
    """

    def __init__(self, make: Callable[[int], Style], count: int) -> None:
        self._make = make
        self._count = count
        self._kept: dict[int, Style] = {}

    def draw(self, generator: np.random.Generator) -> Style:
        """One of them, each as likely."""
        number = int(generator.integers(self._count))
        kept = self._kept.get(number)
        # two threads may make the same style; the first to be done is kept
        return kept if kept is not None else self._kept.setdefault(number, self._make(number))


def wants_styles(config: AugmentConfig) -> bool:
    """Whether an augmentation that takes a style is switched on."""
    return config.fda > 0 or config.histogram > 0 or config.stylise > 0


def check_styles(config: AugmentConfig, channels: int) -> None:
    """Refuse before any work what training would refuse: channels that have no style, a folder without pictures.

    Raises `DataError`; nothing is decoded.
    """
    if not wants_styles(config):
        return
    _require_colours(channels)
    if config.style_images is not None:
        style_files(config.style_images)


def styles_for(
    config: AugmentConfig,
    size: tuple[int, int],
    channels: int,
    load: Callable[[int], Source],
    count: int,
    painter: Painter | None = None,
) -> Styles | None:
    """The styles a training draws from: those of `config.style_images`, else of the `count` samples that `load` gives.

    Pictures are decoded now, so that a broken one stops no training that runs; samples, which were looked at already,
    when they are drawn. None where no augmentation asks for a style. `size` is that of the crops; `painter` adds what
    it needs to know of each.

    Raises `DataError` for a number of channels other than three, and for a folder or picture that cannot be used.
    """
    if not wants_styles(config):
        return None
    _require_colours(channels)
    if config.style_images is None:
        places = spread(range(count), MOST)
        return Styles(lambda number: style_of_sample(load(places[number]), size, painter), len(places))
    files = style_files(config.style_images)
    chosen = spread(files, MOST)
    _log.info("styles from %d of %d pictures in %s", len(chosen), len(files), config.style_images)
    made = for_each(partial(read_style, size=size, painter=painter), chosen)
    return Styles(made.__getitem__, len(made))


def style_files(folder: Path) -> list[Path]:
    """The pictures below a folder of styles, sorted by name.

    Raises `DataError` when there are none.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of pictures for augment.style_images, found no such folder")
    files = [folder / name for name in pictures(folder).files]
    if not files:
        raise DataError(f"{folder}: expected pictures for augment.style_images, found none in it: give another folder")
    return files


def described(folder: Path) -> str:
    """How many pictures there are and what they are called: another text where a resumed run draws other styles."""
    files = style_files(folder)
    names = "\n".join(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}" for path in files)
    return f"{len(files)} pictures ({hashlib.sha256(names.encode()).hexdigest()[:12]})"


def read_style(path: Path, size: tuple[int, int], painter: Painter | None = None) -> Style:
    """The style of a picture file, grey ones being taken for colour.

    Raises `DataError` when it cannot be decoded, has other channels, or lacks data somewhere.
    """
    pixels, missing = read_with_missing(path)
    if missing is not None or pixels.shape[2] not in (1, CHANNELS):
        got = "pixels without data" if missing is not None else f"{pixels.shape[2]} channels"
        raise DataError(f"{path}: expected a picture of three channels to take a style from, got {got}: remove it")
    return style_of(to_channels(pixels, CHANNELS), size, painter)


def style_of_sample(source: Source, size: tuple[int, int], painter: Painter | None = None) -> Style:
    """The style of a labelled sample; of one that is much larger than a crop, that of its middle."""
    _require_colours(source.channels)
    rows, columns = (_middle(length, REACH * side) for length, side in zip(source.size, size, strict=True))
    return style_of(source.part(rows, columns)[0], size, painter)


def style_of(pixels: Pixels, size: tuple[int, int], painter: Painter | None = None) -> Style:
    """The style of pixels (H, W, 3) on the 0-255 scale, as they look at `size` (height, width)."""
    small = resize_image(pixels, size)
    moments = None if painter is None else painter.moments(small)
    return Style(amplitude_of(small), level_counts(as_levels(small)), moments)


def _middle(length: int, most: int) -> slice:
    first = max(0, length - most) // 2
    return slice(first, min(length, first + most))


def _require_colours(channels: int) -> None:
    if channels != CHANNELS:
        raise DataError(
            f"augment.fda, histogram and stylise: expected images of three channels, got {channels}: leave them at 0"
        )
