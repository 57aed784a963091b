"""Turning a faulty image or mask into the array it should have been; each function returns a new array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segue.data.classes import IGNORE
from segue.data.doctor.masks import edges_of, unpack
from segue.data.doctor.values import VOC_GREY

Array = NDArray[Any]
_SIDES = ((0, 1), (0, -1), (1, 1), (1, -1))  # axis and step to each of the four neighbours


def to_eight_bits(image: Array) -> NDArray[np.uint8]:
    """An image on the 0-255 scale rounded to 8 bits: 16-bit pixels divided by 257, floats times 255."""
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def snap(mask: Array, targets: list[int]) -> Array:
    """Give every pixel of a smeared mask one of the class values.

    A pixel takes the nearest value, except on a soft edge: there it takes, of the values beside it, the nearer one.
    Otherwise the slope from 0 to 254 would leave a rim of 127 wherever 127 is a class too.

    Args:
        mask: `(height, width)`, or `(height, width, 3)` with `targets` packed as `red << 16 | green << 8 | blue`.
        targets: the class values.
    """
    points = unpack(np.array(targets)) if mask.ndim == 3 else np.array(targets)[:, None]
    channels = mask.reshape(*mask.shape[:2], -1).astype(np.float32)
    distances = np.stack([np.linalg.norm(channels - point.astype(np.float32), axis=-1) for point in points])
    choice = distances.argmin(axis=0)
    undecided = _on_soft_edge(mask)
    while undecided.any():
        best = np.full(choice.shape, np.inf, np.float32)
        filled = choice.copy()
        for axis, step in _SIDES:
            label, known = _shifted(choice, axis, step), ~_shifted(undecided, axis, step, outside=True)
            distance = np.where(known, np.take_along_axis(distances, label[None], 0)[0], np.inf)
            filled = np.where(undecided & (distance < best), label, filled)
            best = np.minimum(best, distance)
        now_known = undecided & np.isfinite(best)
        if not now_known.any():  # soft everywhere: the nearest value has to do
            break
        choice, undecided = filled, undecided & ~now_known
    values = points[choice].astype(mask.dtype)
    snapped: Array = values if mask.ndim == 3 else values[..., 0]
    return snapped


def _on_soft_edge(mask: Array) -> NDArray[np.bool_]:
    soft = np.zeros(mask.shape[:2], bool)
    (_, rows), (_, columns) = edges_of(mask)
    soft[:, 1:-1] |= rows
    soft[1:-1] |= columns
    return soft


def _shifted(array: Array, axis: int, step: int, outside: bool = False) -> Array:
    """Each pixel's neighbour; at the border the pixel itself, or True where `outside` counts as unknown."""
    moved: Array = np.roll(array, step, axis)
    border: list[Any] = [slice(None), slice(None)]
    border[axis] = 0 if step > 0 else -1
    moved[tuple(border)] = True if outside else array[tuple(border)]
    return moved


def from_one(mask: Array, ignored: frozenset[int]) -> Array:
    """Subtract one from every label; 0 and values in `ignored` become, and stay, "not labelled"."""
    table = np.arange(-1, 65535)
    table[0] = IGNORE
    for value in ignored:
        table[value] = value
    return table[mask].astype(mask.dtype)


def from_grey_palette(mask: Array) -> Array:
    """Put back the indices a grey-level copy of a palette mask stands for."""
    table = np.arange(256)
    for level, index in VOC_GREY.items():
        table[level] = index
    return table[mask].astype(np.uint8)
