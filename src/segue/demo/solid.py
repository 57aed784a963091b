"""Solids: a side profile pushed through a width, projected, shaded by one light. Houses and cars are made of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from segue.demo.canvas import Camera, Pen, Point, Spot, shade
from segue.demo.look import Colour


@dataclass(frozen=True)
class Sun:
    """A unit vector towards the light, and the share of light that comes from everywhere."""

    direction: Spot
    ambient: float

    def on(self, normal: Spot) -> float:
        """How bright a surface with this outward normal is, up to 1."""
        cosine = sum(a * b for a, b in zip(self.direction, normal, strict=True))
        return self.ambient + (1.0 - self.ambient) * max(0.0, cosine)


@dataclass(frozen=True)
class Frame:
    """A place on the ground and a heading: `u` runs along the heading, `v` up, `w` to its left."""

    x: float
    z: float
    heading: float

    def spot(self, u: float, v: float, w: float) -> Spot:
        """Local metres as a point of the world."""
        cosine, sine = math.cos(self.heading), math.sin(self.heading)
        return (self.x + u * cosine - w * sine, v, self.z + u * sine + w * cosine)


@dataclass(frozen=True)
class Face:
    """One flat side: its corners, outward normal and number (profile edges first, then near and far cap)."""

    corners: tuple[Spot, ...]
    normal: Spot
    number: int


def faces(frame: Frame, profile: Sequence[Point], width: float) -> list[Face]:
    """The sides of a profile (local u, v; counter-clockwise seen from the near cap) pushed to `width`.

    Edge `i` of the profile gives face `i`; the near cap (w = -width/2) and the far cap follow.
    """
    half = width / 2
    near = [frame.spot(u, v, -half) for u, v in profile]
    far = [frame.spot(u, v, half) for u, v in profile]
    cosine, sine = math.cos(frame.heading), math.sin(frame.heading)
    result = []
    for i, (u0, v0) in enumerate(profile):
        j = (i + 1) % len(profile)
        u1, v1 = profile[j]
        length = math.hypot(u1 - u0, v1 - v0) or 1.0
        nu, nv = (v1 - v0) / length, (u0 - u1) / length
        result.append(Face((near[i], far[i], far[j], near[j]), (nu * cosine, nv, nu * sine), i))
    result.append(Face(tuple(near), (sine, 0.0, -cosine), len(profile)))
    result.append(Face(tuple(far), (-sine, 0.0, cosine), len(profile) + 1))
    return result


def visible(camera: Camera, sides: Sequence[Face]) -> list[Face]:
    """The sides that look towards the eye, farthest first."""

    def towards(face: Face) -> bool:
        x, y, z = face.corners[0]
        a, b, c = face.normal
        return a * -x + b * (camera.lift - y) + c * -z > 0.0

    seen = [face for face in sides if towards(face)]
    return sorted(seen, key=lambda face: -sum(spot[2] for spot in face.corners) / len(face.corners))


def paint(camera: Camera, pen: Pen, face: Face, colour: Colour, sun: Sun) -> None:
    """Fill one side in its lit colour."""
    pen.polygon([camera.project(spot) for spot in face.corners], shade(colour, sun.on(face.normal)))


def shadow(camera: Camera, sun: Sun, spots: Sequence[Spot]) -> list[Point]:
    """The outline of the shadow that these points cast on the ground (the hull of their projections)."""
    x, y, z = sun.direction
    ground = [(a - x / y * b, 0.0, c - z / y * b) for a, b, c in spots]
    return hull([camera.project(spot) for spot in ground if spot[2] > 2.0])


def hull(points: Sequence[Point]) -> list[Point]:
    """The convex hull, by Andrew's monotone chain."""
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return []

    def chain(sequence: Sequence[Point]) -> list[Point]:
        kept: list[Point] = []
        for point in sequence:
            while len(kept) > 1 and _turn(kept[-2], kept[-1], point) <= 0:
                kept.pop()
            kept.append(point)
        return kept[:-1]

    return chain(ordered) + chain(ordered[::-1])


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
