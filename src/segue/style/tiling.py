"""Pictures too large to paint at once: tiles that see as far as the network does, with statistics of a small copy.

What a network normalises by belongs to the whole picture. A tile that measured its own would get other colours than its
neighbour; so all of them are given those of a small copy (https://arxiv.org/abs/2103.11784), and a tile is painted with
so much of its surroundings that nothing inside it changes. With the statistics of the whole picture, tiles give what
painting it at once gives, up to rounding; there is nothing to blend at their seams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Integer, UInt8
from torch import Tensor

from segue.style.network import Prepared, Statistics, StyleNetwork
from segue.style.picture import Pixels, as_picture, eight_bits, resized, size_within
from segue.style.regions import as_maps, nearest, shrunk

WHOLE = slice(None)
FINER = 2  # pixels of regions to a pixel of the small copy, each way
Finish = Callable[[Tensor, Tensor], Tensor]  # of a painted tile and the same part of the content


@dataclass(frozen=True)
class Regions:
    """The region of every pixel, a number below `count`; a region may have no pixel."""

    numbers: Integer[np.ndarray, "height width"]
    count: int

    def maps(self, rows: slice = WHOLE, columns: slice = WHOLE) -> Float[Tensor, "regions rows columns"]:
        """A map of each region in a part of the picture."""
        return as_maps(self.numbers[rows, columns], tuple(range(self.count)))

    def small(self, size: tuple[int, int]) -> Float[Tensor, "regions height width"]:
        """The same of a small copy of the picture, from a few pixels for each of its own."""
        height, width = (min(FINER * small, own) for small, own in zip(size, self.numbers.shape, strict=True))
        return shrunk(Regions(nearest(self.numbers, (height, width)), self.count).maps(), size)


@dataclass(frozen=True)
class Tile:
    """A part of a picture to paint, from `top` and `left` on, and how much more of the picture is looked at for it."""

    top: int
    left: int
    bottom: int
    right: int
    margin: int

    def window(self, height: int, width: int) -> tuple[slice, slice]:
        """Rows and columns to paint in a picture of that size."""
        rows = slice(max(0, self.top - self.margin), min(height, self.bottom + self.margin))
        return rows, slice(max(0, self.left - self.margin), min(width, self.right + self.margin))


def tiles(height: int, width: int, side: int, network: StyleNetwork) -> Iterator[Tile]:
    """Tiles of at most `side` pixels, their surroundings included; they begin where the coarsest map has a position."""
    step = network.step
    margin = -(-network.reach // step) * step
    inner = max(step, (side - 2 * margin) // step * step)
    for top in range(0, height, inner):
        for left in range(0, width, inner):
            yield Tile(top, left, min(height, top + inner), min(width, left + inner), margin)


@torch.inference_mode()
def paint_tiles(  # noqa: PLR0913 - what a tile is painted with, and who is told
    network: StyleNetwork,
    pixels: Pixels,
    style: Prepared,
    side: int,
    *,
    strength: float = 1.0,
    statistics: Statistics | None = None,
    regions: Regions | None = None,
    finish: Finish | None = None,
    watch: Callable[[float], None] = lambda _: None,
) -> UInt8[np.ndarray, "height width 3"]:
    """Paint a picture of any size in memory for one tile, besides the picture itself before and after.

    Args:
        network: where it computes.
        pixels: the content, 0 to 255.
        style: what the network made of the styles.
        side: pixels of a tile's side, its surroundings included.
        strength: as in `StyleNetwork.stylise`.
        statistics: what to normalise by; those of a copy of the picture with `side` pixels on its long side, if None.
        regions: where `style` has several.
        finish: what is done with each painted tile, told that part of the content, too.
        watch: told the share that is done.
    """
    device = next(network.parameters()).device
    height, width = pixels.shape[:2]
    if statistics is None:
        small = small_copy(pixels, side).to(device)
        maps = None if regions is None else regions.small((small.shape[2], small.shape[3])).to(device)
        statistics = network.statistics(small, style, maps, strength)
    result = np.empty((height, width, 3), np.uint8)
    whole = list(tiles(height, width, side, network))
    for number, tile in enumerate(whole, 1):
        rows, columns = tile.window(height, width)
        content = as_picture(pixels[rows, columns]).to(device)
        maps = None if regions is None else regions.maps(rows, columns).to(device)
        painted = network.stylise(content, style, strength, statistics=statistics, maps=maps)
        painted = painted if finish is None else finish(painted, content)
        inside = painted[:, :, tile.top - rows.start : tile.bottom - rows.start]
        inside = inside[:, :, :, tile.left - columns.start : tile.right - columns.start]
        result[tile.top : tile.bottom, tile.left : tile.right] = eight_bits(inside)
        watch(number / len(whole))
    return result


def small_copy(pixels: Pixels, side: int) -> Tensor:
    """The picture with `side` pixels on its long side, or as it is where it is smaller.

    First means of whole blocks, a few rows at a time, so that a large picture never becomes floats at once.
    """
    height, width = pixels.shape[:2]
    block = max(1, min(max(height, width) // (2 * side), height, width))
    if block > 1:
        rows = range(0, height - height % block, block)
        wide = width - width % block
        parts = (pixels[top : top + block, :wide].reshape(block, wide // block, block, 3) for top in rows)
        pixels = np.stack([part.mean((0, 2), dtype=np.float32) for part in parts])
    picture = as_picture(pixels)
    size = size_within(height, width, side)
    return resized(picture, size) if max(size) < max(height, width) else picture
