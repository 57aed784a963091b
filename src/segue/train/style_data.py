"""What style networks are trained on: crops of photos, and of style pictures, each drawn by where the run is.

Every draw is keyed to (seed, pass, picture) as in `segue.data.keyed`, so a run that was stopped goes on with the crops
of one that was not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from segue.data.keyed import batch_keys, sample_generator
from segue.errors import DataError, SegueError
from segue.infer.ahead import ahead
from segue.objectives.style.batch import StyleBatch
from segue.style.picture import eight_bits, read_picture, resized, size_within

LONGEST = 8  # short sides that count of the long one, in a picture that has to be enlarged
STEP_SIZES = (1 << 32) - 1  # stands for a picture where a draw belongs to the whole batch
CACHE_BYTES = 1 << 30  # of pictures that are kept, shrunk and in 8 bits
LARGEST_WINDOW = 2.0  # a crop shows a part of this many times its side at most, and of its side at least
STYLE_STREAM = 1 << 32  # added to the seed: crops of styles are drawn apart from those of photos, whose seeds are less
_log = logging.getLogger("segue")


class Crops:
    """Square crops of pictures, `size` pixels a side: a part drawn in place and scale, mirrored every other time.

    A picture that cannot be read is named once, and the next one stands in for it. `smallest` is the smallest side, as
    a share of `size`, to which a whole batch is shrunk, drawn for each; 1 never does. `read` opens a path.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        size: int,
        seed: int,
        *,
        smallest: float = 1.0,
        read: Callable[[Path], Tensor] = read_picture,
    ) -> None:
        self.paths, self.size, self.seed, self.smallest, self.read = tuple(paths), size, seed, smallest, read
        self._kept: dict[int, Tensor] = {}
        self._bytes = 0
        self._broken: set[int] = set()

    def at(self, epoch: int, index: int) -> Float[Tensor, "3 size size"]:
        """The crop of picture `index` in pass `epoch`."""
        picture = self._picture(index)
        height, width = picture.shape[1:]
        draw = sample_generator(self.seed, epoch, index)
        side = round(draw.uniform(self.size, min(height, width, LARGEST_WINDOW * self.size)))
        top, left = (int(draw.integers(0, free + 1)) for free in (height - side, width - side))
        part = picture[None, :, top : top + side, left : left + side].float() / 255
        part = part.flip(3) if draw.uniform() < 0.5 else part
        return resized(part, (self.size, self.size))[0]

    def batch(self, step: int, size: int) -> Float[Tensor, "batch 3 side side"]:
        """The crops of a step; every pass shows each picture once, in an order of its own."""
        keys = batch_keys(self.seed, step, size, len(self.paths))
        crops = torch.stack([self.at(epoch, index) for epoch, index in keys])
        if self.smallest == 1:
            return crops
        side = round(self.size * sample_generator(self.seed, step, STEP_SIZES).uniform(self.smallest, 1))
        return torch.cat([resized(crop[None], (side, side)) for crop in crops])

    def _picture(self, index: int) -> Tensor:
        """A picture in 8 bits, its short side as long as the largest window, or shorter where the file's is."""
        for place in (*range(index, len(self.paths)), *range(index)):
            if place in self._kept:
                return self._kept[place]
            if place in self._broken:
                continue
            try:
                return self._keep(place, _shrunk(self.read(self.paths[place]), self.size))
            except SegueError as error:
                self._broken.add(place)
                _log.warning("%s; it is passed over", error)
        raise DataError(
            f"expected a picture that can be read, got {len(self.paths)} that cannot, {self.paths[0]} first"
        )

    def _keep(self, place: int, picture: Tensor) -> Tensor:
        if self._bytes + picture.numel() <= CACHE_BYTES:
            self._kept[place] = picture
            self._bytes += picture.numel()
        return picture


def _shrunk(picture: Tensor, size: int) -> Tensor:
    height, width = picture.shape[2:]
    short = min(height, width)
    wanted = max(size, min(short, round(LARGEST_WINDOW * size)))  # one smaller than a crop is enlarged
    if short < size:  # of a strip the middle alone, since the rest of it would be enlarged as well
        tall, wide = (min(side, LONGEST * short) for side in (height, width))
        top, left = (height - tall) // 2, (width - wide) // 2
        picture, height, width = picture[:, :, top : top + tall, left : left + wide], tall, wide
    if wanted != short:
        picture = resized(picture, size_within(height, width, round(max(height, width) * wanted / short)))
    if min(picture.shape[2:]) < size:  # by rounding
        picture = resized(picture, (max(size, picture.shape[2]), max(size, picture.shape[3])))
    return torch.from_numpy(eight_bits(picture)).permute(2, 0, 1)


class StyleSet:
    """The batches of a run: crops of photos with `rows` of styles in turn, or with crops of style pictures."""

    def __init__(self, photos: Crops, batch: int, rows: Sequence[int] = (), styles: Crops | None = None) -> None:
        self.photos, self.batch, self.rows, self.styles = photos, batch, tuple(rows), styles

    def at(self, step: int) -> StyleBatch:
        """What step `step` is given."""
        style = None if self.styles is None else self.styles.batch(step, self.batch)
        places = range(step * self.batch, (step + 1) * self.batch)
        index = torch.tensor([self.rows[place % len(self.rows)] for place in places]) if self.rows else None
        return StyleBatch(self.photos.batch(step, self.batch), style, index)

    def stream(self, step: int) -> Iterator[StyleBatch]:
        """Batches from `step` on, the next one made while the network looks at this one."""
        with closing(ahead(self.at, count(step), threads=1)) as made:  # type: ignore[type-var]  # a generator, typed as an iterator
            for _, batch in made:
                yield batch.result()
