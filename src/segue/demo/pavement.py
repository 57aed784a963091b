"""What is found along a pavement: street lamps and people."""

from __future__ import annotations

import math
from dataclasses import dataclass

from segue.demo.canvas import Spot, shade
from segue.demo.look import LAMP, PERSON
from segue.demo.stage import Stage, taper


@dataclass(frozen=True)
class Lamp:
    """A street lamp with a lantern that shines."""

    x: float
    z: float
    height: float

    def outline(self) -> list[Spot]:
        """The points that cast its shadow."""
        return [(self.x + dx, y, self.z) for dx in (-0.12, 0.12) for y in (0.0, self.height)]

    def draw(self, stage: Stage) -> None:
        """Post, arm and lantern."""
        pen = stage.canvas.pen(LAMP, self.z)
        x, ground = stage.camera.project((self.x, 0.0, self.z))
        metre = stage.camera.focal / self.z
        iron, top = (50, 54, 62), ground - self.height * metre
        pen.polygon(taper(x, ground, top, max(1.0, 0.13 * metre)), iron)
        pen.polygon(taper(x, ground, ground - 0.6 * metre, max(1.4, 0.22 * metre)), iron)
        pen.ellipse((x, top - 0.3 * metre), (max(1.5, 0.34 * metre), max(1.8, 0.42 * metre)), (255, 226, 160), 255)
        pen.polygon(
            [(x - 0.4 * metre, top - 0.6 * metre), (x + 0.4 * metre, top - 0.6 * metre), (x, top - 0.95 * metre)], iron
        )


@dataclass(frozen=True)
class Person:
    """Somebody standing or walking."""

    x: float
    z: float
    height: float

    def outline(self) -> list[Spot]:
        """The points that cast its shadow."""
        return [(self.x + dx, y, self.z) for dx in (-0.2, 0.2) for y in (0.0, self.height)]

    def draw(self, stage: Stage) -> None:
        """Legs, coat, head and, now and then, a hat."""
        pen = stage.canvas.pen(PERSON, self.z)
        x, ground = stage.camera.project((self.x, 0.0, self.z))
        h = self.height * stage.camera.focal / self.z
        coat = stage.pick(((186, 50, 56), (48, 92, 160), (230, 190, 70), (60, 60, 70), (240, 240, 236), (86, 130, 90)))
        legs = stage.pick(((44, 48, 66), (90, 76, 66), (60, 60, 64)))
        skin = stage.pick(((232, 190, 160), (170, 120, 90), (110, 78, 62)))
        step = stage.rng.uniform(0.02, 0.11) * h
        bright = stage.sun.on((0.3 * math.copysign(1, stage.sun.direction[0]), 0.4, -0.86))
        for side in (-1, 1):
            pen.polygon(
                [
                    (x + side * step, ground),
                    (x + side * (step + 0.05 * h), ground),
                    (x + side * 0.09 * h, ground - 0.5 * h),
                    (x, ground - 0.5 * h),
                ],
                shade(legs, bright),
            )
        shoulder, hip = 0.13 * h, 0.11 * h
        pen.polygon(
            [
                (x - hip, ground - 0.42 * h),
                (x + hip, ground - 0.42 * h),
                (x + shoulder, ground - 0.84 * h),
                (x - shoulder, ground - 0.84 * h),
            ],
            shade(coat, bright),
        )
        pen.ellipse((x, ground - 0.91 * h), (0.075 * h, 0.09 * h), shade(skin, bright))
