"""Boats, seen from the side: a fishing boat with a cabin, a sailing boat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from segue.demo.canvas import Camera, Point, Spot, shade
from segue.demo.look import BOAT
from segue.demo.stage import Stage


@dataclass(frozen=True)
class Boat:
    """A fishing boat or a sailing boat, side on."""

    x: float
    z: float
    length: float
    sail: bool
    bow: int  # -1 left, 1 right

    def outline(self) -> list[Spot]:
        """Nothing: on water the mirror image does what a shadow does on land."""
        return []

    def draw(self, stage: Stage) -> None:
        """Hull, then cabin or sail."""
        pen = stage.canvas.pen(BOAT, self.z)
        hull = stage.pick(((232, 232, 228), (40, 72, 128), (176, 52, 44), (244, 196, 64), (60, 96, 92)))
        unit, bow = self.length, self.bow
        at = self._at(stage.camera)
        bright = stage.sun.on((0.0, 0.2, -0.98))
        pen.polygon(
            [at(-0.46 * bow, 0), (at(0.34 * bow, 0)), at(0.56 * bow, 0.17), at(-0.5 * bow, 0.14)], shade(hull, bright)
        )
        pen.polygon(
            [at(-0.5 * bow, 0.14), at(0.56 * bow, 0.17), at(0.54 * bow, 0.145), at(-0.5 * bow, 0.115)], shade(hull, 0.6)
        )
        if self.sail:
            mast = at(0.06 * bow, 1.25)
            width = 0.02 * unit * stage.camera.focal / self.z
            pen.line([at(0.06 * bow, 0.14), mast], (120, 92, 70), width)
            cloth = stage.pick(((250, 246, 236), (246, 240, 230), (224, 120, 80)))
            pen.polygon([at(0.03 * bow, 1.2), at(0.03 * bow, 0.24), at(-0.44 * bow, 0.24)], shade(cloth, 0.95))
            pen.polygon([at(0.09 * bow, 1.1), at(0.09 * bow, 0.22), at(0.48 * bow, 0.2)], shade(cloth, 0.82))
            return
        cabin = [at(-0.32 * bow, 0.14), at(0.06 * bow, 0.14), at(0.02 * bow, 0.42), at(-0.3 * bow, 0.42)]
        pen.polygon(cabin, shade((240, 238, 230), bright))
        pen.polygon(
            [at(-0.2 * bow, 0.24), at(0.03 * bow, 0.24), at(0.015 * bow, 0.36), at(-0.2 * bow, 0.36)], (62, 82, 100)
        )
        pen.line([at(-0.2 * bow, 0.42), at(-0.2 * bow, 0.8)], (96, 82, 74), 0.02 * unit * stage.camera.focal / self.z)

    def _at(self, camera: Camera) -> Callable[[float, float], Point]:
        return lambda u, v: camera.project((self.x + u * self.length, v * self.length, self.z))
