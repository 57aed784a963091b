"""A car: body, cabin, wheels and, at night, lights."""

from __future__ import annotations

import math
from dataclasses import dataclass

from segue.demo.canvas import Pen, Spot, blend
from segue.demo.look import CAR
from segue.demo.solid import Frame, faces, paint, visible
from segue.demo.stage import SNOW, Stage


@dataclass(frozen=True)
class Car:
    """A car along the heading of its frame, with wheels and lights."""

    frame: Frame
    tall: float  # of the body, in metres

    @property
    def z(self) -> float:
        """Distance by which things are sorted."""
        return self.frame.z

    def outline(self) -> list[Spot]:
        """The points that cast its shadow."""
        return [self.frame.spot(u, v, w) for u in (-2.1, 2.1) for w in (-0.9, 0.9) for v in (0.0, 0.75 * self.tall)]

    def draw(self, stage: Stage) -> None:
        """Wheels, body, cabin, lights."""
        h = self.tall
        body = [(-2.1, 0.3), (2.1, 0.3), (2.15, 0.5 * h), (1.2, 0.6 * h), (-2.0, 0.62 * h)]
        cabin = [(-1.85, 0.58 * h), (1.25, 0.56 * h), (0.45, h), (-1.5, h)]
        colours = (
            (176, 44, 40),
            (44, 70, 132),
            (206, 206, 210),
            (52, 54, 60),
            (196, 158, 60),
            (70, 110, 84),
            (136, 138, 144),
        )
        colour = stage.pick(colours)
        pen = stage.canvas.pen(CAR, self.z)
        for u in (-1.3, 1.3):
            for w in (-0.85, 0.85):
                self._wheel(stage, pen, u, w)
        for face in visible(stage.camera, faces(self.frame, body, 1.8)):
            paint(stage.camera, pen, face, colour, stage.sun)
        glass = (48, 58, 74)
        for face in visible(stage.camera, faces(self.frame, cabin, 1.6)):
            top = blend(colour, SNOW, 0.7 * stage.look.snow)
            paint(stage.camera, pen, face, top if face.number == 2 else glass, stage.sun)
        if stage.look.glow:
            self._lights(stage, pen)

    def _wheel(self, stage: Stage, pen: Pen, u: float, w: float) -> None:
        spot = self.frame.spot(u, 0.32, w)
        scale = stage.camera.focal / max(spot[2], 0.5)
        flat = max(0.25, abs(math.cos(self.frame.heading)))
        pen.ellipse(stage.camera.project(spot), (0.34 * scale * flat, 0.34 * scale), (26, 26, 30))

    def _lights(self, stage: Stage, pen: Pen) -> None:
        for u, colour, light in ((2.15, (255, 240, 200), 255), (-2.1, (255, 60, 40), 190)):
            towards = self.frame.spot(u, 0, 0)[2] < self.frame.z - 0.5
            sideways = abs(math.sin(self.frame.heading)) < 0.5
            if not (towards or sideways):
                continue
            for w in (-0.65, 0.65):
                spot = self.frame.spot(u, 0.42 * self.tall, w)
                radius = 0.16 * stage.camera.focal / max(spot[2], 0.5)
                pen.ellipse(stage.camera.project(spot), (radius, radius), colour, light)
