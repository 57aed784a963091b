"""What every picture of the bank is made with: coordinates, smooth noise and colours, the same at every size.

Lengths are shares of the long side, so that a picture keeps its forms when it is drawn larger: the random numbers
belong to the lattice behind the noise, not to the pixels.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import ndimage

Plane = Float[np.ndarray, "height width"]
Picture = Float[np.ndarray, "height width 3"]
Colours = Float[np.ndarray, "colours 3"]
Size = tuple[int, int]
SPREAD = 0.479  # deviation of cubic B-splines over unit noise: the mean of their squared weights, once for each axis


def grid(size: Size) -> tuple[Plane, Plane]:
    """Down and across of every pixel's centre, in shares of the long side."""
    side = max(size)
    down, across = np.mgrid[: size[0], : size[1]].astype(np.float32)
    return (down + np.float32(0.5)) / side, (across + np.float32(0.5)) / side


def noise(size: Size, cells: float, rng: np.random.Generator, octaves: int = 1, gain: float = 0.5) -> Plane:
    """Smooth noise of mean 0 and deviation 1 or so, its bumps `1 / cells` of the long side apart.

    Each further octave has twice the cells and `gain` times the height: cubic B-splines over a lattice of normal
    numbers, which is separable and so costs two small products of matrices.
    """
    total = np.zeros(size, np.float32)
    for octave in range(octaves):
        down, across = (_splines(count, max(size), cells * 2**octave) for count in size)
        lattice = rng.standard_normal((down.shape[1], across.shape[1])).astype(np.float32)
        total += np.float32(gain**octave / SPREAD) * (down @ lattice @ across.T)
    return total / np.float32(np.sqrt(sum(gain ** (2 * octave) for octave in range(octaves))))


def _splines(count: int, side: int, cells: float) -> Float[np.ndarray, "count knots"]:
    """The weights of the knots of a lattice in each of `count` pixels."""
    place = (np.arange(count) + 0.5) / side * cells
    first = np.floor(place).astype(int)
    t = place - first
    weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    matrix = np.zeros((count, int(np.ceil(count / side * cells)) + 4), np.float32)
    for knot, weight in enumerate(weights):
        matrix[np.arange(count), first + knot] = weight / 6
    return matrix


def grain(size: Size, rng: np.random.Generator, width: float = 1 / 512) -> Plane:
    """Fine noise such as that of paper, of mean 0 and deviation 1, its grains `width` of the long side wide."""
    return noise(size, 1 / width, rng)


def swept(field: Plane, down: Plane, across: Plane) -> Plane:
    """A field read at other places, in shares of the long side; beyond its border, the border."""
    side = max(field.shape)
    places = np.stack([down * side - 0.5, across * side - 0.5])
    return np.asarray(ndimage.map_coordinates(field, places, order=1, mode="nearest"), np.float32)


def blurred(field: Plane, width: float) -> Plane:
    """A Gaussian blur; its deviation is `width` of the long side."""
    return np.asarray(ndimage.gaussian_filter(field, width * max(field.shape), mode="nearest"), np.float32)


def along_contours(field: Plane) -> Plane:
    """The direction in radians, from across to down, in which a field stays the same."""
    down, across = np.gradient(field)
    return np.asarray(np.arctan2(-across, down), np.float32)


def smoothstep(low: float | Plane, high: float | Plane, values: Plane) -> Plane:
    """0 up to `low`, 1 from `high` on (or the other way round where `high` is the smaller), and smooth between."""
    t = np.clip((values - low) / (np.asarray(high) - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def line(distance: Plane, width: float | Plane, size: Size) -> Plane:
    """1 within half of `width` of a line that is `distance` away, 0 elsewhere, smooth over a pixel or two."""
    soft = 0.75 / max(size)
    return clipped((np.asarray(width) / 2 - np.abs(distance)) / (2 * soft) + 0.5)


# --- colours ---------------------------------------------------------------------------------------------------------


def colours(text: str) -> Colours:
    """Colours from 0 to 1, written as `"0b1d51 f7c548"`."""
    return np.array([[int(one[at : at + 2], 16) for at in (0, 2, 4)] for one in text.split()], np.float32) / 255


def ramp(values: Plane, stops: Colours) -> Picture:
    """The colour at a place from 0 (the first of `stops`) to 1 (the last)."""
    places = np.linspace(0, 1, len(stops))
    channels = [np.interp(values, places, stops[:, channel]) for channel in range(3)]
    return np.asarray(np.stack(channels, -1), np.float32)


def mixed(first: Picture, second: np.ndarray, share: Plane) -> Picture:
    """`second`, a picture or one colour, over `first`, as opaque as `share` says."""
    return np.asarray(first + share[..., None] * (second - first), np.float32)


def clipped(values: np.ndarray) -> np.ndarray:
    """The picture, or a plane, within 0 to 1."""
    return np.asarray(np.clip(values, 0, 1), np.float32)


def multiplied(picture: Picture, plane: Plane) -> Picture:
    """A picture whose brightness is multiplied at every pixel."""
    return np.asarray(picture * plane[..., None], np.float32)


def lit(picture: Picture, relief: Plane, strength: float = 0.5) -> Picture:
    """Light from above on the left over a relief whose unit is a pixel of the picture at 512 pixels."""
    down, across = np.gradient(relief * np.float32(max(relief.shape) / 512))
    slope = np.asarray(np.clip(-(down + 0.6 * across), -1, 1), np.float32)
    bright = np.maximum(slope, 0)[..., None] * strength
    dark = 1 + np.minimum(slope, 0)[..., None] * strength
    return np.asarray(picture * dark + (1 - picture) * bright * 0.5, np.float32)
