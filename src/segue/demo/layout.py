"""Where things stand: the ground plan of a scene and the houses, trees, cars, boats, lamps and people on it."""

from __future__ import annotations

import math
from typing import Protocol, runtime_checkable

import numpy as np

from segue.demo.backdrop import Plan
from segue.demo.boat import Boat
from segue.demo.canvas import Camera, Spot
from segue.demo.car import Car
from segue.demo.house import House
from segue.demo.look import Look
from segue.demo.pavement import Lamp, Person
from segue.demo.solid import Frame
from segue.demo.stage import Stage
from segue.demo.tree import Tree

NEAREST = 7.0  # metres; nothing stands closer to the eye


@runtime_checkable
class Thing(Protocol):
    """What every thing offers: how far it stands, what casts its shadow, and how it is drawn."""

    @property
    def z(self) -> float:
        """Distance from the eye in metres."""

    def outline(self) -> list[Spot]:
        """The points that cast its shadow."""

    def draw(self, stage: Stage) -> None:
        """Paint it."""


def plan(look: Look, rng: np.random.Generator) -> Plan:
    """Draw a ground plan of one of the kinds this world knows."""
    kind = look.layouts[rng.integers(len(look.layouts))]
    slant = rng.uniform(-0.15, 0.15)
    if kind == "bay":
        near = rng.uniform(9, 16)
        return Plan(cross=(near - rng.uniform(1.5, 5), near), water=(near, rng.uniform(34, 70)), slant=slant)
    if kind == "shore":
        coast = rng.uniform(0, 6)
        return Plan(
            road_at=rng.uniform(-5, -1),
            road_bend=rng.uniform(-0.003, 0.0),
            road_half=rng.uniform(0.9, 2.0),
            water=(0.1, 900.0),
            coast=coast,
            slant=slant,
        )
    if kind == "village":
        near = rng.uniform(9, 18)
        return Plan(
            road_at=rng.uniform(-5, 5),
            road_bend=rng.uniform(-0.004, 0.004),
            road_half=rng.uniform(0.8, 1.6),
            cross=(near, near + rng.uniform(2, 4)),
            slant=slant,
        )
    if kind == "avenue":
        return Plan(road_at=rng.uniform(-4, 4), road_bend=rng.uniform(-0.0018, 0.0018), road_half=rng.uniform(3, 5))
    near = rng.uniform(9, 17)
    return Plan(cross=(near, near + rng.uniform(6, 9)), slant=slant)


def things(look: Look, ground: Plan, camera: Camera, rng: np.random.Generator) -> list[Thing]:
    """Everything that stands in the scene, in no particular order."""
    spread = camera.centre / camera.focal  # half the visible width at one metre
    result: list[Thing] = []
    result += _houses(ground, spread, rng)
    result += _trees(look, ground, spread, rng)
    if "boat" in look.classes:
        result += _boats(ground, spread, rng)
    if "car" in look.classes:
        result += _cars(ground, spread, rng)
        result += _lamps(ground, spread, rng)
    result += _people(ground, spread, rng)
    return result


def _is_wet(ground: Plan, x: float, z: float, margin: float = 1.5) -> bool:
    inside = ground.water[0] - margin < z + ground.slant * x < ground.water[1] + margin
    return inside and (ground.coast is None or x > ground.coast + 0.02 * z - 2 * margin)


def _on_road(ground: Plan, x: float, z: float, margin: float) -> bool:
    along = ground.road_half > 0 and abs(x - ground.centre(z)) < ground.road_half + margin
    across = ground.cross[1] > 0 and ground.cross[0] - margin < z + ground.slant * x < ground.cross[1] + margin
    return along or across


def _houses(ground: Plan, spread: float, rng: np.random.Generator) -> list[Thing]:
    if ground.road_half > 2.5:
        return _street(ground, rng)
    result: list[Thing] = []
    back = ground.water[1] if ground.water[1] and ground.coast is None else max(ground.cross[1], 16.0)
    z = back + rng.uniform(5, 14)
    x = -spread * z * 1.1
    while x < spread * z * 1.1:
        length, depth = rng.uniform(5, 12), rng.uniform(5, 9)
        at = z + rng.uniform(0, 8)
        dry = not _is_wet(ground, x + length / 2, at, 4.0) and not _on_road(ground, x + length / 2, at, length / 2)
        if dry and rng.random() < 0.8:
            heading = float(rng.choice((0.0, math.pi / 2))) + rng.uniform(-0.25, 0.25)
            result.append(
                House(Frame(x + length / 2, at, heading), length, depth, rng.uniform(3, 9), rng.uniform(1, 3.5))
            )
        x += length + rng.exponential(1.5)
    return result


def _street(ground: Plan, rng: np.random.Generator) -> list[Thing]:
    result: list[Thing] = []
    for side in (-1, 1):
        z, gap = rng.uniform(12, 20), rng.uniform(3.5, 8)
        while z < 85:
            length, depth = rng.uniform(6, 13), rng.uniform(6, 10)
            if rng.random() < 0.85:
                x = ground.centre(z + length / 2) + side * (ground.road_half + gap + depth / 2)
                tall, roof = rng.uniform(5, 14), float(rng.choice((0.2, rng.uniform(1.5, 4))))
                turn = math.pi / 2 + math.atan(-2 * ground.road_bend * z)
                result.append(House(Frame(x, z + length / 2, turn), length, depth, tall, roof))
            z += length + rng.exponential(1.5)
    return result


def _scatter(spread: float, near: float, far: float, rng: np.random.Generator) -> tuple[float, float]:
    """A spot in view; distances are drawn so that every row of the picture gets its share."""
    z = 1.0 / rng.uniform(1.0 / far, 1.0 / near)
    return rng.uniform(-spread, spread) * z * 1.05, z


def _trees(look: Look, ground: Plan, spread: float, rng: np.random.Generator) -> list[Thing]:
    result: list[Thing] = []
    for _ in range(rng.integers(3, 14)):
        x, z = _scatter(spread, 10, 75, rng)
        if _is_wet(ground, x, z, 1.0) or _on_road(ground, x, z, 0.8):
            continue
        kind = "conifer" if rng.random() < look.conifers else "bare" if look.snow else "leafy"
        result.append(Tree(x, z, rng.uniform(3, 9), kind))
    return result


def _boats(ground: Plan, spread: float, rng: np.random.Generator) -> list[Thing]:
    result: list[Thing] = []
    if not ground.water[1]:
        return result
    for _ in range(rng.integers(2, 8)):
        x, z = _scatter(spread, max(ground.water[0] + 2, 9), min(ground.water[1] - 2, 60), rng)
        if _is_wet(ground, x, z, -1.5):
            result.append(Boat(x, z, rng.uniform(3.5, 8), bool(rng.random() < 0.5), int(rng.choice((-1, 1)))))
    return result


def _cars(ground: Plan, spread: float, rng: np.random.Generator) -> list[Thing]:
    result: list[Thing] = []
    taken: list[tuple[float, float]] = []
    for _ in range(rng.integers(1, 8)):
        if ground.road_half:
            z = 1.0 / rng.uniform(1 / 50, 1 / 10)
            side = float(rng.choice((-1, 1)))
            x = ground.centre(z) + side * ground.road_half * rng.uniform(0.4, 0.85)
            heading = side * math.pi / 2 + rng.uniform(-0.06, 0.06)
        else:
            z = rng.uniform(ground.cross[0] + 1.2, ground.cross[1] - 1.2)
            x = rng.uniform(-spread, spread) * z
            z -= ground.slant * x
            heading = float(rng.choice((0.0, math.pi))) + rng.uniform(-0.06, 0.06)
        if z < NEAREST or any(abs(x - a) < 4.5 and abs(z - b) < 3.0 for a, b in taken):
            continue
        taken.append((x, z))
        result.append(Car(Frame(x, z, heading), rng.uniform(1.4, 1.9)))
    return result


def _lamps(ground: Plan, spread: float, rng: np.random.Generator) -> list[Thing]:
    tall, gap = rng.uniform(4, 5.5), rng.uniform(9, 16)
    first = rng.uniform(9, 14)
    if ground.road_half:
        return [
            Lamp(ground.centre(z) + side * (ground.road_half + 1.0), z, tall)
            for side in (-1, 1)
            for z in np.arange(first, 60, gap).tolist()
        ]
    z = ground.cross[1] + 1.0
    start = -spread * z + rng.uniform(0, gap)
    return [Lamp(x, z - ground.slant * x, tall) for x in np.arange(start, spread * z, gap).tolist()]


def _people(ground: Plan, spread: float, rng: np.random.Generator) -> list[Thing]:
    result: list[Thing] = []
    for _ in range(rng.integers(0, 5)):
        x, z = _scatter(spread, 9, 30, rng)
        if not _is_wet(ground, x, z, 0.3):
            result.append(Person(x, z, rng.uniform(1.5, 1.95)))
    return result
