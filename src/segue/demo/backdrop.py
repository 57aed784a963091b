"""What lies behind and under the things of a scene: sky, hills, and ground with its materials."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segue.demo.canvas import FOG_SCALE, Camera, blend
from segue.demo.look import GROUND, HILLS, ROAD, SKY, WATER, Colour, Look
from segue.demo.noise import Floats, floats, sample, smooth


@dataclass(frozen=True)
class Plan:
    """The ground as seen from above, in metres.

    The road follows `road_at` + `road_bend` * z**2 and is `road_half` to either side, or lies across the view between
    the two distances of `cross`. Water fills the distances of `water`; where `coast` is given, only right of it.
    """

    road_at: float = 0.0
    road_bend: float = 0.0
    road_half: float = 0.0
    cross: tuple[float, float] = (0.0, 0.0)
    water: tuple[float, float] = (0.0, 0.0)
    coast: float | None = None
    slant: float = 0.0

    def centre(self, z: float) -> float:
        """Where the middle of the road is at this distance."""
        return self.road_at + self.road_bend * z * z


@dataclass(frozen=True)
class Backdrop:
    """Colour (float, 0-255) and the three facts (material, distance, light) of a scene without things."""

    colour: Floats
    facts: NDArray[np.uint8]


def backdrop(camera: Camera, look: Look, plan: Plan, sun_x: float, rng: np.random.Generator) -> Backdrop:
    """Paint sky, hills and ground."""
    height, width = camera.height, camera.width
    top = math.ceil(camera.horizon)
    facts = np.zeros((height, width, 3), np.uint8)
    facts[:top, :, 0], facts[:top, :, 1] = SKY, 255
    colour = np.empty((height, width, 3), np.float32)
    horizon = blend(*look.horizon, rng.random())
    colour[:top] = _sky(camera, look, horizon, sun_x, rng)
    _hills(camera, look, horizon, colour, facts, rng)
    _ground(camera, look, plan, colour, facts, rng)
    return Backdrop(colour, facts)


def _offset(rng: np.random.Generator) -> tuple[int, int]:
    return (int(rng.integers(256)), int(rng.integers(256)))


def _sky(camera: Camera, look: Look, horizon: Colour, sun_x: float, rng: np.random.Generator) -> Floats:
    top = math.ceil(camera.horizon)
    rows = np.arange(top, dtype=np.float32)[:, None]
    columns = np.arange(camera.width, dtype=np.float32)[None, :]
    share = smooth(rows / camera.horizon, -0.1, 1.05)[..., None]
    zenith = floats(blend(*look.zenith, rng.random()))
    sky = zenith + (floats(horizon) - zenith) * share
    # Clouds lie on a plane above: their texture shrinks towards the horizon.
    away = floats(60.0 / (camera.horizon - rows + 14.0))
    place = _offset(rng)
    side = (columns - camera.centre) * away * 0.35
    thick = sample("cloud", away * 36.0, side, place) + 0.2 * sample("rough", away * 50.0, side * 2.0, place)
    cover = smooth(thick, rng.uniform(*look.clouds), 2.6)[..., None]
    bright = floats(blend(horizon, (255, 252, 246), 0.75 if not look.glow else 0.12))
    shaded = bright * (1.0 - 0.18 * smooth(thick, 1.0, 3.0)[..., None])
    sky = sky + (shaded - sky) * cover * 0.9
    sun_y = camera.horizon * rng.uniform(0.1, 0.5)
    distance = np.hypot(rows - sun_y, columns - sun_x)
    halo = np.exp(-distance / (0.16 * camera.width)) + 1.5 * (distance < 0.02 * camera.width)
    sky = sky + (halo * (1.0 - 0.7 * cover[..., 0]))[..., None] * floats(look.sun[0]) * (0.35 if not look.glow else 0.2)
    if look.glow:
        stars = sample("grain", rows * 7.0, columns * 7.0, place) > 2.9
        sky = sky + (stars[..., None] * (1.0 - cover)) * 90.0
    return np.asarray(sky, np.float32)


def _hills(
    camera: Camera, look: Look, horizon: Colour, colour: Floats, facts: NDArray[np.uint8], rng: np.random.Generator
) -> None:
    columns = np.arange(camera.width, dtype=np.float32)
    top, bottom = int(0.35 * camera.horizon), math.ceil(camera.horizon)  # no ridge is higher
    rows = np.arange(top, bottom, dtype=np.float32)[:, None]
    colour, facts = colour[top:bottom], facts[top:bottom]  # views: only these rows change
    layers = int(rng.integers(1, 4))
    for layer in range(layers):
        step, place = rng.uniform(0.15, 0.45), _offset(rng)
        ridge = sample("cloud", floats(0), columns * step, place) + 0.25 * sample(
            "rough", floats(7), columns * 0.6, place
        )
        tall = camera.height * rng.uniform(0.02, 0.13) * (1.0 - 0.25 * layer)
        crest = camera.horizon - np.maximum(tall * (1.0 + 0.55 * ridge), 1.0)
        inside = rows >= crest
        base = floats(blend(blend(*look.hills, rng.random()), horizon, 0.5 - 0.2 * layer))
        texture = 1.0 + 0.09 * sample("rough", rows * 1.3, columns * 0.8, place)[..., None]
        lighter = 1.0 + 0.25 * smooth(floats((rows - crest) / max(tall, 1.0)), 0.0, 1.0)[..., None]
        colour[inside] = (base * texture * (1.12 if look.snow else 1.0) / lighter)[inside]
        facts[inside, 0] = HILLS
        facts[inside, 1] = 255 - 12 * (layer + 1)


def _ground(
    camera: Camera, look: Look, plan: Plan, colour: Floats, facts: NDArray[np.uint8], rng: np.random.Generator
) -> None:
    top = math.ceil(camera.horizon)
    below = np.arange(top, camera.height, dtype=np.float32)[:, None] + 0.5 - camera.horizon
    z = camera.focal * camera.lift / np.maximum(below, 0.25)
    x = (np.arange(camera.width, dtype=np.float32)[None, :] + 0.5 - camera.centre) * z / camera.focal
    place = _offset(rng)
    rough = sample("cloud", z * 3.0, x * 3.0, place)  # lets borders wander and colours drift
    material = _materials(plan, x, z, rough)
    detail = sample("rough", z * 9.0, x * 9.0, place) / (1.0 + z / 60.0)
    fine = sample("grain", z * 25.0, x * 25.0, place) / (1.0 + z / 25.0)
    drift = np.clip(rough * 0.25 + 0.5, 0.0, 1.0)[..., None]
    first, change, coarse = np.zeros((3, 16, 3), np.float32)  # one row per material
    for kind, (one, other) in {GROUND: look.ground, ROAD: look.road, WATER: look.water}.items():
        bright = rng.uniform(0.85, 1.12)
        first[kind] = floats(one) * bright
        change[kind] = floats(blend(one, other, rng.uniform(0.4, 1.0))) * bright - first[kind]
        coarse[kind] = {GROUND: 0.1, ROAD: 0.05, WATER: 0.0}[kind]
    texture = 1.0 + coarse[material, :1] * (detail + 0.8 * fine)[..., None]
    below = (first[material] + change[material] * drift) * texture
    if look.snow:
        _winter(plan, material, x, z, rough, below)
    colour[top:] = below
    facts[top:, :, 0] = material
    facts[top:, :, 1] = np.minimum(255 * z / (z + FOG_SCALE), 255).astype(np.uint8)


def _materials(plan: Plan, x: Floats, z: Floats, rough: Floats) -> NDArray[np.uint8]:
    ahead = z + plan.slant * x + 0.35 * rough
    aside = x - (plan.road_at + plan.road_bend * z * z) + 0.12 * rough
    material = np.full(np.broadcast(x, z).shape, GROUND, np.uint8)
    if plan.water[1] > 0:
        wet = (ahead > plan.water[0]) & (ahead < plan.water[1])
        if plan.coast is not None:
            wet &= x + 1.1 * rough > plan.coast + 0.02 * z
        material[wet] = WATER
    road = np.abs(aside) < plan.road_half
    road |= (ahead > plan.cross[0]) & (ahead < plan.cross[1])
    if plan.coast is not None:
        road &= material != WATER
    material[road] = ROAD
    return material


def _winter(plan: Plan, material: NDArray[np.uint8], x: Floats, z: Floats, rough: Floats, colour: Floats) -> None:
    """Dirty tracks and blown snow on the road, a dashed middle line."""
    road = material == ROAD
    paint = colour[road]
    blown = smooth(rough[road], 0.6, 2.2) * 0.55
    if plan.road_half:
        aside = np.abs(x - (plan.road_at + plan.road_bend * z * z))[road]
        blown = np.maximum(blown, smooth(aside, 0.72 * plan.road_half, plan.road_half) * 0.4)
    paint += (floats((188, 194, 214)) - paint) * blown[:, None]
    if plan.road_half:
        dash = (aside < 0.12) & ((np.broadcast_to(z, road.shape)[road].astype(np.int32) & 3) < 2)
        paint[dash] += (floats((206, 200, 170)) - paint[dash]) * 0.6
    colour[road] = paint
