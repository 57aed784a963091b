"""The outlines of a mask, along the edges of its pixels, so that filling them gives the very same mask again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

from segue.data.drawn.polygon import fill

Ring = Int64[np.ndarray, "_ 2"]  # (x, y) of the corners, the first not repeated

# directions of travel, the pixels of the mask on the right: along the upper, right, lower and left side of a pixel
_EAST, _SOUTH, _WEST, _NORTH = range(4)  # in this order one more is a right turn


@dataclass(frozen=True)
class Shape:
    """One region whose pixels are joined by their sides: its outer outline, and those of its holes."""

    outer: Ring
    holes: tuple[Ring, ...] = ()

    def joined(self) -> Ring:
        """Outline and holes as one path: out to each hole and back the same way, which encloses nothing more."""
        start = self.outer[:1]
        parts = [self.outer, start]
        for hole in self.holes:
            parts += [hole, hole[:1], start]
        return np.concatenate(parts) if self.holes else self.outer


def shapes(mask: Bool[np.ndarray, "height width"]) -> list[Shape]:
    """The regions of a mask, those that touch only at corners apart, in the order of their uppermost rows."""
    rings = _rings(mask)
    outer = [ring for ring in rings if _area(ring) > 0]
    holes = [ring for ring in rings if _area(ring) < 0]
    owned: dict[int, list[Ring]] = {}
    boxes = np.array([[*ring.min(axis=0), *ring.max(axis=0)] for ring in outer]).reshape(-1, 4)
    for hole in holes:
        owned.setdefault(_owner(hole, outer, boxes), []).append(hole)
    return [Shape(ring, tuple(owned.get(i, ()))) for i, ring in enumerate(outer)]


def _area(ring: Ring) -> int:
    """Twice the area, positive where the mask is inside."""
    x, y = ring[:, 0], ring[:, 1]
    return int(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def _owner(hole: Ring, outer: list[Ring], boxes: Int64[np.ndarray, "_ 4"]) -> int:
    """Which outline a hole lies in: the smallest that holds the pixel above the hole's uppermost side."""
    low, high = hole.min(axis=0), hole.max(axis=0)
    around = np.flatnonzero((boxes[:, :2] < low).all(axis=1) & (boxes[:, 2:] > high).all(axis=1))
    if len(around) == 1:
        return int(around[0])
    x, y = hole[np.lexsort((hole[:, 0], hole[:, 1]))[0]].tolist()
    holding = [int(i) for i in around if _holds(outer[i], x, y - 1)]
    return min(holding, key=lambda i: _area(outer[i]))


def _holds(ring: Ring, column: int, row: int) -> bool:
    only = ring.astype(float) - (column, row)
    return fill(only, 1, 1).area == 1


def _rings(mask: Bool[np.ndarray, "height width"]) -> list[Ring]:
    """All outlines: outer ones clockwise as seen, those of holes the other way."""
    sides = _sides(mask)
    stride = mask.shape[1] + 1
    found = []
    while sides:
        key, corners = next(iter(sides)), []
        while key in sides:
            corner, turns = sides.pop(key)
            corners.append(corner)
            key = next((4 * corner + turn for turn in turns if 4 * corner + turn in sides), -1)
        flat = np.array(corners)
        found.append(np.stack([flat % stride, flat // stride], axis=1))
    return found


def _sides(mask: Bool[np.ndarray, "height width"]) -> dict[int, tuple[int, tuple[int, int]]]:
    """Straight sides by corner and direction: where each ends, and the directions that may follow, right turns first.

    A corner is numbered `y * (width + 1) + x`, a side `4 * corner + direction`. Turning right keeps regions apart that
    touch at a corner only.
    """
    stride = mask.shape[1] + 1
    padded = np.pad(mask, 1)
    above, below = padded[:-1, 1:-1], padded[1:, 1:-1]
    before, after = padded[1:-1, :-1], padded[1:-1, 1:]
    sides: dict[int, tuple[int, tuple[int, int]]] = {}
    for edges, direction, across in (
        (below & ~above, _EAST, False),
        (above & ~below, _WEST, False),
        (before & ~after, _SOUTH, True),
        (after & ~before, _NORTH, True),
    ):
        line, first, last = _runs(edges.T if across else edges)
        ends = (
            (first * stride + line, last * stride + line) if across else (line * stride + first, line * stride + last)
        )
        begin, finish = ends if direction in (_EAST, _SOUTH) else ends[::-1]
        turns = ((direction + 1) % 4, (direction + 3) % 4)
        sides |= {4 * b + direction: (f, turns) for b, f in zip(begin.tolist(), finish.tolist(), strict=True)}
    return sides


def _runs(edges: Bool[np.ndarray, "lines places"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Runs of set edges: their line, and the corners they start and end at."""
    changes = np.diff(np.pad(edges, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    line, first = np.nonzero(changes == 1)
    _, last = np.nonzero(changes == -1)
    return line, first, last
