"""Images larger than the network should see at once: overlapping tiles, blended smoothly, finished row by row.

Only one row of tiles is in memory at a time, and of the row above it what they share, so the cost in memory is
classes x tile x width, whatever the height.
The outer quarter of every overlap is context alone: it feeds the network and its output is thrown away. A network that
looks no further than that quarter gives the same logits as on the whole image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float32
from numpy.typing import NDArray
from torch import Tensor

CONTEXT = 0.25  # share of an overlap, at each of its ends, that is context alone

Forward = Callable[[list[NDArray[np.generic]]], list[Tensor]]


@runtime_checkable
class Tileable(Protocol):
    """An image (H, W, C) that gives its parts: an array, or something that reads them when they are asked for.

    Only `image[top:bottom][:, left:right]` is ever asked for, rows from the top down.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width and channels."""

    def __getitem__(self, index: Any, /) -> Any:  # noqa: ANN401 - as numpy's
        """Some of the rows, and of these, some of the columns."""


@dataclass(frozen=True)
class Tiling:
    """How large images are cut.

    `side` is the side of a tile in pixels as the network sees them, None for the size it was trained at; `overlap` the
    share of a tile that its neighbour covers too; `batch` how many tiles are made ready at once.
    """

    side: int | None = None
    overlap: float = 0.25
    batch: int = 1


def cuts(length: int, side: int, overlap: float, step: int = 1) -> list[int]:
    """Where the tiles start along one axis: at multiples of `step`, evenly spread, overlapping at least `overlap`.

    The last one ends where the axis does, and is up to `step` - 1 pixels shorter than `side`. Where `step` is more than
    what an overlap leaves of `side`, tiles overlap by `side` - `step`; where it is more than `side`, it is not kept.

    >>> cuts(100, 40, 0.25), cuts(100, 40, 0.25, 16)
    ([0, 30, 60], [0, 16, 32, 48, 64])
    """
    if length <= side:
        return [0]
    step = step if step <= side else 1
    last = math.ceil((length - side) / step)
    gaps = math.ceil(last / max(1, math.floor(side * (1 - overlap)) // step))
    return [step * round(i * last / gaps) for i in range(gaps + 1)]


def windows(starts: list[int], length: int, side: int) -> list[Float32[np.ndarray, " _"]]:
    """The weight of every pixel of every tile along one axis; at each pixel of the axis they sum to one."""
    ends = [min(start + side, length) for start in starts]
    raw = []
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        before = ends[i - 1] - start if i else 0
        after = end - starts[i + 1] if i + 1 < len(starts) else 0
        raw.append(_fade_in(end - start, before) * _fade_in(end - start, after)[::-1])
    total = np.zeros(length)
    for start, window in zip(starts, raw, strict=True):
        total[start : start + len(window)] += window
    return [
        (window / total[start : start + len(window)]).astype(np.float32)
        for start, window in zip(starts, raw, strict=True)
    ]


def _fade_in(side: int, overlap: int) -> NDArray[np.float64]:
    """Zero over the context, a raised cosine over the middle of the overlap, one behind it."""
    position = (np.arange(side) + 0.5) / max(overlap, 1)
    ramp = np.clip((position - CONTEXT) / (1 - 2 * CONTEXT), 0, 1) if overlap else np.ones(side)
    return np.asarray((1 - np.cos(np.pi * ramp)) / 2)


def blended_rows(
    forward: Forward, pixels: Tileable, side: int, tiling: Tiling, step: int = 1
) -> Iterator[Float32[Tensor, "classes _ width"]]:
    """The logits of `pixels` (H, W, C), from the top down in bands that together have its height.

    Args:
        forward: gives the logits (classes, h, w) of each of a list of tiles (h, w, C); it is asked for `tiling.batch`
            tiles at a time and has to treat each as if it were alone.
        pixels: the image at the size the network is to see.
        side: side of a tile; an axis no longer than that is not cut.
        tiling: overlap and batch; its `side` is not looked at.
        step: the network's largest stride, of which tiles start at multiples: elsewhere it would see the image through
            another grid than the whole's, and say something else even far from any seam.
    """
    height, width = pixels.shape[:2]
    tops, lefts = (cuts(length, side, tiling.overlap, step) for length in (height, width))
    columns = windows(lefts, width, side)
    carried: Tensor | None = None
    for i, (top, weights) in enumerate(zip(tops, windows(tops, height, side), strict=True)):
        strip = _strip(forward, pixels[top : top + len(weights)], lefts, columns, tiling.batch)
        if len(tops) > 1:
            down = torch.from_numpy(weights).to(strip.device)[:, None]
            strip = strip.mul_(down) if len(lefts) > 1 else strip * down  # of a single tile it is the network's own
        if carried is not None:
            strip[:, : carried.shape[1]] += carried
            carried = None
        finished = (tops[i + 1] if i + 1 < len(tops) else height) - top
        yield strip[:, :finished]
        carried = strip[:, finished:].clone()  # a view would keep all of the row while the next is computed
        del strip


def _strip(
    forward: Forward,
    pixels: Tileable,
    lefts: list[int],
    columns: list[Float32[np.ndarray, " _"]],
    batch: int,
) -> Float32[Tensor, "classes rows width"]:
    """One row of tiles, blended along its width."""
    if len(lefts) == 1:
        return forward([pixels[:, : len(columns[0])]])[0]
    strip: Tensor | None = None
    for i in range(0, len(lefts), batch):
        group = list(zip(lefts[i : i + batch], columns[i : i + batch], strict=True))
        logits = forward([pixels[:, left : left + len(weights)] for left, weights in group])
        for tile, (left, weights) in zip(logits, group, strict=True):
            if strip is None:
                strip = tile.new_zeros((*tile.shape[:2], pixels.shape[1]))
            strip[..., left : left + len(weights)] += tile * torch.from_numpy(weights).to(tile.device)
    assert strip is not None  # an image has at least one column
    return strip
