"""A house: walls with lit and dark windows under a gable or flat roof."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from segue.demo.canvas import Camera, Pen, Spot, blend, shade
from segue.demo.look import BUILDING, Colour
from segue.demo.noise import Floats, floats
from segue.demo.solid import Face, Frame, faces, paint, visible
from segue.demo.stage import SNOW, WARM, Stage


@dataclass(frozen=True)
class House:
    """A block under a gable or flat roof; the local u axis runs along its front."""

    frame: Frame
    length: float
    depth: float
    height: float
    roof: float

    @property
    def z(self) -> float:
        """Distance by which things are sorted."""
        return self.frame.z

    def outline(self) -> list[Spot]:
        """The points that cast its shadow."""
        half, side = self.length / 2, self.depth / 2
        ends = [self.frame.spot(u, v, w) for u in (-half, half) for w in (-side, side) for v in (0.0, self.height)]
        return ends + [self.frame.spot(u, self.height + self.roof, 0.0) for u in (-half, half)]

    def draw(self, stage: Stage) -> None:
        """Walls with windows, then the roof."""
        # The gable is the profile, pushed along the front: turn the frame by a quarter.
        turned = Frame(self.frame.x, self.frame.z, self.frame.heading + math.pi / 2)
        side = self.depth / 2
        profile = [(-side, 0.0), (side, 0.0), (side, self.height), (0.0, self.height + self.roof), (-side, self.height)]
        wall, roof = stage.pick(stage.look.walls), stage.pick(stage.look.roofs)
        roof = blend(roof, SNOW, stage.look.snow * stage.rng.uniform(0.55, 1.0))
        pen = stage.canvas.pen(BUILDING, self.z)
        for face in visible(stage.camera, faces(turned, profile, self.length)):
            is_roof = face.number in (2, 3)
            paint(stage.camera, pen, face, roof if is_roof else wall, stage.sun)
            if is_roof:
                continue
            self._windows(stage, pen, face, wall)

    def _windows(self, stage: Stage, pen: Pen, face: Face, wall: Colour) -> None:
        """A door and rows of windows on a wall; too small to see, they are left out."""
        across = self.length if face.number in (1, 4) else self.depth
        columns, rows = max(1, int(across / 2.3)), max(1, int(self.height / 2.9))
        if stage.camera.focal / self.z < 4.0:
            return
        brightness = stage.sun.on(face.normal)
        glass, door = shade((70, 88, 108), brightness), shade(wall, 0.5 * brightness)
        lit = (stage.rng.random((rows, columns)) < stage.look.lit).tolist()
        tone = stage.rng.uniform(0.7, 1.1, (rows, columns)).tolist()
        boxes = _grid(stage.camera, _wall(face), rows, columns)
        for row in range(rows):
            for column in range(columns):
                box, bright = boxes[row][column], tone[row][column]
                if row == 0 and column == columns // 2:
                    pen.polygon(box, door)
                elif lit[row][column]:
                    pen.polygon(box, shade(WARM, bright), light=int(200 * bright))
                else:
                    pen.polygon(box, shade(glass, bright))


def _wall(face: Face) -> tuple[Floats, Floats, Floats]:
    """Lower left corner of the rectangular part of a wall, and its vectors along and up."""
    corners = floats(face.corners)
    if face.number == 4:  # this side of the profile runs downwards
        corner, right, top = corners[3], corners[2], corners[0]
    else:
        corner, right, top = corners[0], corners[1], corners[-1]
    return corner, right - corner, top - corner


def _grid(camera: Camera, wall: tuple[Floats, Floats, Floats], rows: int, columns: int) -> list[list[list[float]]]:
    """The windows of a wall as outlines on the picture; the one in the middle below is a door."""
    corner, along, up = wall
    left = (np.arange(columns) + 0.24) / columns
    low = np.repeat((np.arange(rows)[:, None] + 0.28) / rows, columns, axis=1)
    high = low + 0.5 / rows
    low[0, columns // 2] = 0.0
    right = left + 0.52 / columns
    across = np.broadcast_to(np.stack([left, right, right, left], -1), (rows, columns, 4))
    above = np.stack([low, low, high, high], -1)
    spots = corner + across[..., None] * along + above[..., None] * up
    scale = camera.focal / np.maximum(spots[..., 2], 0.5)
    picture = np.stack(
        [camera.centre + spots[..., 0] * scale, camera.horizon + (camera.lift - spots[..., 1]) * scale], -1
    )
    outlines: list[list[list[float]]] = picture.reshape(rows, columns, 8).tolist()
    return outlines
