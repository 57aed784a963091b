"""Cubism: a picture broken into planes that are shaded one by one."""

from __future__ import annotations

import numpy as np

from segue.style.bank.brush import Brush, painted
from segue.style.bank.plane import Picture, Plane, Size, clipped, colours, grid, mixed, multiplied, noise, smoothstep

TONES = colours(
    "2a2622 4a4238 6f6450 94866a b7a684 d8c9a6 efe5cb 5f6f78 7f929a a9b5b4 8a5a3a b5763f c9984f 36454c 6b3b2c"
)

LATTICE = 192  # points along the long side on which cuts are decided


def cubist_shards(size: Size, rng: np.random.Generator) -> Picture:
    """Cubist planes: overlapping shards in ochre, umber and slate, each shaded from edge to edge."""
    shard, edge, slope, heading = _broken(size, rng)
    tone = TONES[rng.integers(len(TONES), size=int(shard.max()) + 1)]
    design = tone[shard]
    design = mixed(design, colours("f3ead4")[0], np.clip(0.55 * slope, 0, 0.6))
    design = mixed(design, colours("17130f")[0], np.clip(-0.75 * slope, 0, 0.72))
    down, across = grid(size)
    for _ in range(6):  # arcs of bottles, bows and tables, seen from two sides at once
        middle, radius = rng.random(2) * np.array(size) / max(size), rng.uniform(0.07, 0.24)
        distance = np.hypot(down - middle[0], across - middle[1]) - radius
        side = np.cos(np.arctan2(down - middle[0], across - middle[1]) - rng.uniform(-3, 3))
        part = smoothstep(-0.25, 0.1, side)
        design = mixed(design, tone[rng.integers(len(tone))], 0.45 * part * smoothstep(0, -0.7 * radius, distance))
        design = mixed(design, colours("191512")[0], 0.8 * part * np.exp(-((distance / 0.003) ** 2)))
        design = mixed(design, colours("f5eeda")[0], 0.4 * part * np.exp(-(((distance + 0.008) / 0.004) ** 2)))
    strings = np.abs((across * 1.7 + down * 0.4) * 40 % 1 - 0.5) < 0.07
    design = mixed(design, colours("1b1713")[0], 0.65 * strings * (shard % 9 == 3))
    paint = (
        Brush(0.035, 0.011, 2.2, jitter=0.035, streak=0.035, stray=0.12),
        Brush(0.018, 0.006, 1.5, jitter=0.05, streak=0.05, stray=0.2),
    )
    picture = painted(design.astype(np.float32), heading, paint, rng, light=0.55)
    picture = mixed(picture, design.astype(np.float32), np.full(size, 0.25, np.float32))
    ragged = edge + 0.0008 * noise(size, 60, rng)
    picture = mixed(picture, colours("15110e")[0], 0.85 * smoothstep(0.0032, 0.001, ragged) * (shard % 5 != 0))
    picture = mixed(picture, colours("f4ecd8")[0], 0.45 * smoothstep(0.0035, 0.001, np.abs(edge - 0.006)) * (slope > 0))
    return clipped(multiplied(picture, 1 + 0.03 * noise(size, 160, rng)))


def _broken(size: Size, rng: np.random.Generator) -> tuple[np.ndarray, Plane, Plane, Plane]:
    """The picture cut by lines again and again: the shard, the way to its edge, a slope from -1 to 1, its heading."""
    down, across = grid(size)
    # where to cut is decided on a lattice of one size, so that the same shards come out at every size
    coarse_down, coarse_across = grid(
        (max(1, round(LATTICE * size[0] / max(size))), max(1, round(LATTICE * size[1] / max(size))))
    )
    coarse = np.zeros(coarse_down.shape, np.int32)
    shard, edge = np.zeros(size, np.int32), np.full(size, 1.0, np.float32)
    for number in range(1, 95):
        areas = np.bincount(coarse.ravel())
        chosen = rng.choice(np.argsort(-areas, kind="stable")[: 1 + len(areas) // 4])
        turn = rng.choice([0.3, 1.15, 1.9, 2.7]) + 0.25 * rng.standard_normal()
        sine, cosine = np.sin(turn), np.cos(turn)
        here = coarse == chosen
        offsets = coarse_down[here] * cosine - coarse_across[here] * sine
        level = offsets.mean() + 0.25 * offsets.std() * rng.standard_normal()
        coarse[here] = np.where(offsets > level, number, chosen)
        mine = shard == chosen
        away = down[mine] * cosine - across[mine] * sine - level
        edge[mine] = np.minimum(edge[mine], np.abs(away))
        shard[mine] = np.where(away > 0, number, chosen)
    count = int(shard.max()) + 1
    areas = np.maximum(np.bincount(shard.ravel(), minlength=count), 1)
    turns = rng.uniform(0, 2 * np.pi, count)[shard]
    along = down * np.sin(turns) + across * np.cos(turns)
    mean = (np.bincount(shard.ravel(), along.ravel(), count) / areas)[shard]
    spread = np.sqrt(np.bincount(shard.ravel(), (along - mean).ravel() ** 2, count) / areas)[shard]
    slope = np.clip((along - mean) / (2 * spread + 1e-6), -1, 1)
    return shard, edge, slope.astype(np.float32), (turns + np.pi / 2).astype(np.float32)
