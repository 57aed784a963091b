"""Dye on water and in cloth: marbled paper and batik."""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree

from segue.style.bank.plane import (
    Picture,
    Plane,
    Size,
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

INKS = colours("12213f 1f5f7a e9e2cf a92f2f e0a33a 2f7f6a f2ead8 5a2f55 d9765a 0e3a52")
INDIGO = colours("0c1638 16295c 24448a 4a74b4")
BROWN = colours("3a1c10 6b3418 9a5a2a c98f4f")


def marbling(size: Size, rng: np.random.Generator) -> Picture:
    """Marbled paper: rings of floating ink drawn through with combs into feathers and curls."""
    down, across = grid(size)
    row, column = down.copy(), across.copy()
    # what a comb did last is undone first (https://doi.org/10.1109/MCG.2011.51)
    for turn, spacing, pull in ((0.0, 0.13, 0.05), (np.pi / 2, 0.075, 0.055), (0.0, 0.2, 0.1)):
        row, column = _uncombed(row, column, turn, spacing, pull * (1 + 0.1 * rng.standard_normal()))
    row, column = row + 0.012 * noise(size, 3, rng, octaves=2), column + 0.012 * noise(size, 3, rng, octaves=2)
    spots = (np.stack(np.meshgrid(*[np.arange(-0.08, 1.2, 0.17)] * 2), -1) + rng.normal(0, 0.04, (8, 8, 2))).reshape(
        -1, 2
    )
    drops = [(spot + 0.02 * rng.standard_normal(2), radius) for spot in spots for radius in rng.uniform(0.03, 0.095, 7)]
    order = rng.permutation(len(drops))
    ink, inside = np.full(size, 6, np.int64), np.full(size, -1.0, np.float32)
    open_ = np.ones(size, bool)
    for number in order:
        middle, radius = drops[number]
        y, x = row - middle[0], column - middle[1]
        squared = y * y + x * x
        hit = open_ & (squared < radius * radius)
        ink[hit] = number % len(INKS)
        inside[hit] = np.sqrt(squared[hit]) / radius
        open_ &= ~hit
        shrink = np.sqrt(np.clip(1 - radius * radius / np.maximum(squared, 1e-9), 0, 1)).astype(np.float32)
        row = np.where(open_, middle[0] + y * shrink, row).astype(np.float32)
        column = np.where(open_, middle[1] + x * shrink, column).astype(np.float32)
    picture = INKS[ink].astype(np.float32)
    # thin where it spread: paler in the middle of a drop, darker at its rim
    picture = multiplied(picture, 1 - 0.16 * smoothstep(0.8, 1.0, inside) + 0.05 * noise(size, 40, rng, octaves=3))
    picture = mixed(picture, colours("fff9ea")[0], np.full(size, 0.04, np.float32))
    return clipped(lit(picture, 0.35 * grain(size, rng, 1 / 300), 0.3))


def _uncombed(row: Plane, column: Plane, turn: float, spacing: float, pull: float) -> tuple[Plane, Plane]:
    """Where a place was before a comb of teeth `spacing` apart went through, every second one the other way."""
    sine, cosine = np.float32(np.sin(turn)), np.float32(np.cos(turn))
    aside = row * cosine - column * sine
    tooth = aside / (2 * spacing)
    wave = np.cos(2 * np.pi * tooth)  # 1 at the teeth that go, -1 at those that come back
    moved = pull * wave * (0.55 + 0.45 * wave * wave)
    return np.asarray(row - moved * sine, np.float32), np.asarray(column - moved * cosine, np.float32)


def batik(size: Size, rng: np.random.Generator) -> Picture:
    """Batik cloth: flowers and rings left pale by wax on indigo and brown, with fine cracks of dye."""
    down, across = grid(size)
    cell = 0.25
    y, x = down / cell + 0.015 * noise(size, 9, rng), across / cell + 0.015 * noise(size, 9, rng)
    y, x = y % 1 - 0.5, x % 1 - 0.5
    away, turn = np.hypot(y, x), np.arctan2(y, x)
    flower = 0.3 + 0.09 * np.cos(8 * turn)
    inner = 0.14 + 0.04 * np.cos(8 * turn + np.pi)
    wax = smoothstep(0.012, -0.012, np.abs(away - flower) - 0.016)
    wax = np.maximum(wax, smoothstep(0.012, -0.012, away - inner))
    scallop = away - 0.45 - 0.025 * np.cos(16 * turn)
    wax = np.maximum(wax, smoothstep(-0.012, 0.012, scallop))
    beads = np.hypot(((turn / np.pi * 16) % 1 - 0.5) * np.pi / 16 * 0.4, away - 0.4)
    wax = np.maximum(wax, smoothstep(0.021, 0.012, beads) * (away > flower + 0.02))
    veins = np.abs(np.sin(turn * 4)) * away
    wax = np.maximum(wax, smoothstep(0.014, 0.006, veins) * (away > inner + 0.03) * (away < flower - 0.04))
    corner = np.hypot(np.abs(x) - 0.5, np.abs(y) - 0.5)
    rings = np.cos(2 * np.pi * corner / 0.055)
    wax = wax * (1 - smoothstep(0.2, 0.5, rings) * smoothstep(0.2, 0.19, corner))
    wax = wax * (1 - smoothstep(0.03, 0.015, np.abs(corner - 0.232 - 0.012 * np.cos(12 * np.arctan2(y, x)))))
    mottle = noise(size, 8, rng, octaves=4, gain=0.6)
    blue = ramp(np.clip(0.45 + 0.2 * mottle, 0, 1), INDIGO)
    brown = ramp(np.clip(0.5 + 0.22 * mottle, 0, 1), BROWN)
    dyed = mixed(blue, brown, smoothstep(-0.02, 0.03, flower - away))
    cloth = ramp(np.clip(0.6 + 0.18 * mottle, 0, 1), colours("d9c39a ead9b5 f6ecd2"))
    cracks = np.maximum(_cracks(size, 160, rng), 0.8 * _cracks(size, 700, rng))
    pale = mixed(cloth, colours("22315f")[0], 0.8 * cracks)
    pale = mixed(pale, colours("b5773a")[0], 0.8 * smoothstep(0.05, 0.1, inner - away))
    picture = mixed(dyed, pale, wax)
    picture = mixed(picture, cloth, 0.35 * cracks * (1 - wax) * smoothstep(0.2, 1.2, mottle))
    weave = np.sin(across * 1500) * 0.5 + np.sin(down * 1500) * 0.5
    picture = multiplied(picture, 1 + 0.045 * weave + 0.04 * noise(size, 250, rng))
    return clipped(picture)


def _cracks(size: Size, pieces: int, rng: np.random.Generator) -> Plane:
    """Fine lines where wax broke: borders of Voronoi cells, some of them faint."""
    down, across = grid(size)
    bent = np.stack([down + 0.012 * noise(size, 10, rng, 3), across + 0.012 * noise(size, 10, rng, 3)], -1)
    distances = KDTree(rng.uniform(-0.05, 1.05, (pieces, 2))).query(bent, k=2)[0]
    gap = (distances[..., 1] - distances[..., 0]).astype(np.float32)
    faint = smoothstep(-0.6, 0.8, noise(size, 5, rng))
    return clipped(smoothstep(0.0042, 0.001, gap) * faint)
