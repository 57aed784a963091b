"""Pictures made of pieces: stained glass and mosaic."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree

from segue.style.bank.plane import (
    Picture,
    Plane,
    Size,
    blurred,
    clipped,
    colours,
    grain,
    grid,
    lit,
    mixed,
    multiplied,
    noise,
    ramp,
    smoothstep,
)

GLASS = colours("8c1230 c8203a e4572e f2a01f f6d245 3f9b5a 14706b 1a5fa8 203f8f 4b2a7a b04a92")
SEA = colours("0d3450 14618a 2f93a8 7fc4b8 d9e6cf")
EARTH = colours("5a2a1a 8f4426 b8763a d9ad62 efe0b8")
Points = Float[np.ndarray, "points 2"]


def stained_glass(size: Size, rng: np.random.Generator) -> Picture:
    """Church windows: glowing pieces of coloured glass between dark lines of lead."""
    down, across = grid(size)
    tall, wide = (count / max(size) for count in size)
    middle = np.array([0.42 * tall, 0.5 * wide])
    rings = [_ring(middle, radius, count, rng) for radius, count in ((0.055, 6), (0.12, 12), (0.2, 18), (0.29, 20))]
    loose = _apart(150, (tall, wide), 0.045, rng)
    far = np.hypot(*(loose - middle).T) > 0.35
    points = np.concatenate([middle[None], *rings, loose[far]])
    place = np.stack([down + 0.004 * noise(size, 8, rng), across + 0.004 * noise(size, 8, rng)], -1)
    nearest, edge = _cells(points, place)
    ring = np.hypot(*(points - middle).T)
    around = np.arctan2(*(points - middle).T)
    hue = np.where(ring < 0.35, np.floor(ring / 0.085) * 0.23, 0.62 + 0.22 * np.sin(4 * around) + 0.5 * (ring - 0.35))
    hue = (hue + 0.13 * rng.standard_normal(len(points))) % 1
    streaks = noise(size, 14, rng, octaves=3, gain=0.7)
    shade = (hue[nearest] + 0.05 * streaks).clip(0, 1)
    bright = rng.uniform(0.85, 1.25, len(points))[nearest]
    picture = multiplied(ramp(shade, GLASS), bright.astype(np.float32))
    away = np.hypot(down - points[nearest, 0], across - points[nearest, 1])
    glow = np.exp(-((away / 0.05) ** 2)) * (0.7 + 0.3 * noise(size, 30, rng))
    picture = mixed(picture, np.clip(picture, 0, 1) ** 0.6, np.clip(0.85 * glow, 0, 1))
    ripple = noise(size, 60, rng, octaves=2) + 1.5 * noise(size, 18, rng)
    picture = lit(picture, 1.6 * ripple, 0.35)
    seeds = smoothstep(2.1, 2.6, noise(size, 90, rng))  # small bubbles in the melt
    picture = mixed(picture, colours("fff8e0")[0], 0.5 * seeds)
    lead = 0.0045 + 0.0015 * noise(size, 6, rng)
    dark = smoothstep(lead + 0.012, lead, edge)
    picture = multiplied(picture, 1 - 0.3 * dark)
    came = smoothstep(lead + 0.001, lead - 0.001, edge)
    metal = lit(
        ramp(np.clip(0.5 + 0.2 * noise(size, 80, rng), 0, 1), colours("08080a 1b1c20 34353a")),
        9 * np.sqrt(np.clip(1 - (edge / lead) ** 2, 0, 1)),
        0.6,
    )
    return clipped(mixed(picture, metal, came))


def mosaic(size: Size, rng: np.random.Generator) -> Picture:
    """A Roman mosaic: small square stones laid in rows that follow the forms, with grout between them."""
    down, across = grid(size)
    tall, wide = (count / max(size) for count in size)
    distance = np.hypot(down - 0.5 * tall, across - 0.5 * wide)
    turn = np.arctan2(down - 0.5 * tall, across - 0.5 * wide)
    petals = distance - 0.2 * (1 + 0.28 * np.cos(8 * turn))
    far = petals + 0.04 * noise(size, 3, rng) * smoothstep(0.05, 0.2, petals)
    band = np.floor(far / 0.058)
    design = ramp(np.clip(0.5 + 0.3 * np.sin(far * 34) + 0.12 * noise(size, 4, rng), 0, 1), SEA)
    sand = ramp(np.clip(0.75 + 0.4 * np.sin(far * 54) + 0.1 * noise(size, 5, rng), 0, 1), EARTH)
    design = np.where((band % 3 == 0)[..., None], sand, design)
    flower = ramp(
        np.clip(1.1 - distance / 0.2 + 0.2 * np.cos(8 * turn), 0, 1), colours("3a0f16 8f1f1f cf4a22 f0a63a f8e3a0")
    )
    design = np.where((petals < 0)[..., None], flower, design)
    edges = [(np.abs(petals - level) < 0.007) for level in (0, 0.174)]
    design = np.where(np.any(edges, 0)[..., None], colours("f6efdc")[0], design)
    heading = np.arctan2(*np.gradient(blurred(far, 0.006))).astype(np.float32)
    points = _apart(round(2300 * tall * wide), (tall, wide), 0.0145, rng)
    points = _evened(points, (tall, wide))
    nearest, gap, aside = _squares(points, heading, (down, across))
    rows, columns = (np.clip(points[:, axis] * max(size), 0, size[axis] - 1).astype(int) for axis in (0, 1))
    stone = design[rows, columns] * (1 + 0.13 * rng.standard_normal((len(points), 1)))
    stone = (stone + 0.035 * rng.standard_normal(stone.shape)).astype(np.float32)
    picture = stone[nearest] * (1 + 0.06 * noise(size, 70, rng, octaves=2))[..., None]
    tilt = rng.normal(0, 0.16, (2, len(points)))  # no stone lies quite flat
    picture = multiplied(
        picture, (1 + (tilt[0][nearest] * aside[0] + tilt[1][nearest] * aside[1]) / 0.012).clip(0.6, 1.4)
    )
    stones = smoothstep(0.0006, 0.0024, gap)
    picture = lit(picture, 3.5 * smoothstep(0, 0.005, gap) + 0.25 * noise(size, 120, rng), 0.55)
    grout = ramp(np.clip(0.5 + 0.25 * grain(size, rng, 1 / 200), 0, 1), colours("4a4238 7a6f60 9a8f7c"))
    return clipped(mixed(grout, picture, stones))


def _ring(middle: np.ndarray, radius: float, count: int, rng: np.random.Generator) -> Points:
    turns = (np.arange(count) + rng.random()) / count * 2 * np.pi
    return middle + radius * np.stack([np.sin(turns), np.cos(turns)], 1)


def _apart(count: int, extent: tuple[float, float], least: float, rng: np.random.Generator) -> Points:
    """Random points within `extent`, and a little beyond, that keep at least `least` from each other."""
    drawn = rng.uniform(-0.04, 1.04, (6 * count, 2)) * extent
    kept = np.ones(len(drawn), bool)
    for first, second in sorted(KDTree(drawn).query_pairs(least)):
        if kept[first]:
            kept[second] = False
    points: Points = drawn[kept][: 2 * count]
    return points


def _evened(points: Points, extent: tuple[float, float], rounds: int = 3) -> Points:
    """Each point moved into the middle of what is nearest to it (Lloyd's iteration, on a coarse lattice)."""
    down, across = np.meshgrid(*(np.linspace(-0.04 * one, 1.04 * one, 420) for one in extent), indexing="ij")
    places = np.stack([down.ravel(), across.ravel()], 1)
    for _ in range(rounds):
        owner = KDTree(points).query(places)[1]
        count = np.bincount(owner, minlength=len(points))
        sums = [np.bincount(owner, places[:, axis], minlength=len(points)) for axis in (0, 1)]
        points = np.where((count > 0)[:, None], np.stack(sums, 1) / np.maximum(count, 1)[:, None], points)
    return points


def _cells(points: Points, places: np.ndarray) -> tuple[np.ndarray, Plane]:
    """The nearest point of every place, and how far it is to the border with the next."""
    distances, owners = KDTree(points).query(places, k=2)
    apart = np.hypot(*np.moveaxis(points[owners[..., 0]] - points[owners[..., 1]], -1, 0))
    edge = (distances[..., 1] ** 2 - distances[..., 0] ** 2) / (2 * np.maximum(apart, 1e-6))
    return owners[..., 0], edge.astype(np.float32)


def _squares(
    points: Points, heading: Plane, places: tuple[Plane, Plane], near: int = 5
) -> tuple[np.ndarray, Plane, np.ndarray]:
    """Cells of squares that are turned to `heading`: the owner, half the gap to the next square, and where in it.

    Voronoi cells of the largest of both distances, each measured along its own point's directions (after
    https://doi.org/10.1145/383259.383327).
    """
    side = max(heading.shape)
    rows, columns = (np.clip(points[:, axis] * side, 0, heading.shape[axis] - 1).astype(int) for axis in (0, 1))
    sine, cosine = np.sin(heading[rows, columns]), np.cos(heading[rows, columns])
    owners = KDTree(points).query(np.stack(places, -1), k=near)[1]
    down, across = places[0][..., None] - points[owners, 0], places[1][..., None] - points[owners, 1]
    first = across * cosine[owners] + down * sine[owners]
    second = down * cosine[owners] - across * sine[owners]
    reach = np.maximum(np.abs(first), np.abs(second))
    two = np.argsort(reach, -1)[..., :2]
    near_reach, next_reach = np.moveaxis(np.take_along_axis(reach, two, -1), -1, 0)
    own = two[..., :1]
    aside = np.stack([np.take_along_axis(one, own, -1)[..., 0] for one in (first, second)])
    owner = np.take_along_axis(owners, own, -1)[..., 0]
    return owner, ((next_reach - near_reach) / 2).astype(np.float32), aside
