"""Trees: broad-leaved, conifer and bare."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from segue.demo.canvas import Pen, Point, Spot, blend, shade
from segue.demo.look import TREE
from segue.demo.stage import SNOW, Stage, taper


@dataclass(frozen=True)
class Tree:
    """A broad-leaved tree (a cloud of leaf clumps), a conifer (tiers of jagged branches) or a bare one."""

    x: float
    z: float
    height: float
    kind: str  # leafy, conifer, bare

    def outline(self) -> list[Spot]:
        """The points that cast its shadow."""
        wide = self.height * (0.2 if self.kind == "conifer" else 0.3)
        shape = [(0.0, 0.0), (wide, 0.45), (0.8 * wide, 0.8), (0.0, 1.0), (-0.8 * wide, 0.8), (-wide, 0.45)]
        return [(self.x + dx, share * self.height, self.z) for dx, share in shape]

    def draw(self, stage: Stage) -> None:
        """Trunk and crown."""
        pen = stage.canvas.pen(TREE, self.z)
        x, ground = stage.camera.project((self.x, 0.0, self.z))
        size = self.height * stage.camera.focal / self.z
        {"leafy": self._leafy, "conifer": self._conifer, "bare": self._bare}[self.kind](stage, pen, (x, ground), size)

    def _leafy(self, stage: Stage, pen: Pen, foot: Point, size: float) -> None:
        x, ground = foot
        bark = shade((92, 72, 56), stage.rng.uniform(0.7, 1.0))
        pen.polygon(taper(x, ground, ground - 0.5 * size, 0.045 * size), bark)
        leaf = blend(*stage.look.leaves, stage.rng.random())
        count = int(np.clip(size / 2.2, 9, 34))
        angle, reach = stage.rng.uniform(0, 2 * math.pi, count), np.sqrt(stage.rng.random(count))
        slim = stage.rng.uniform(0.18, 0.3)
        dx, dy = np.cos(angle) * reach, np.sin(angle) * reach
        facing = dx * stage.sun.direction[0] + dy * stage.sun.direction[1]
        radius = stage.rng.uniform(0.09, 0.15, count) * size * (1.15 - 0.5 * reach)
        for i in np.argsort(facing):  # the dark side first: lit clumps lie on top
            tone = 0.78 + 0.34 * facing[i] + 0.12 * dy[i]
            centre = (x + dx[i] * slim * size, ground - (0.66 + 0.28 * dy[i]) * size)
            pen.ellipse(centre, (radius[i] * 1.1, radius[i]), shade(leaf, tone))

    def _conifer(self, stage: Stage, pen: Pen, foot: Point, size: float) -> None:
        x, ground = foot
        pen.polygon(taper(x, ground, ground - 0.25 * size, 0.03 * size), (58, 46, 42))
        leaf = blend(*stage.look.leaves, stage.rng.random())
        tiers = 5
        spread = stage.rng.uniform(0.16, 0.24) * size
        for tier in range(tiers):
            low, high = 0.12 + 0.16 * tier, min(1.0, 0.12 + 0.16 * tier + 0.34)
            wide = spread * (1.0 - 0.78 * tier / tiers)
            jag = stage.rng.uniform(0.75, 1.1, 4)
            left, right, top = x - wide * jag[0], x + wide * jag[1], (x, ground - high * size)
            hem = [(left, ground - low * size), (x - 0.4 * wide, ground - (low + 0.03 * jag[2]) * size)]
            hem += [(x + 0.3 * wide, ground - (low + 0.01) * size), (right, ground - (low + 0.02 * jag[3]) * size)]
            sunny = 1.0 if stage.sun.direction[0] > 0 else -1.0
            pen.polygon([*hem, top], shade(leaf, 0.72))
            lit = [hem[2], hem[3], top] if sunny > 0 else [hem[0], hem[1], top]
            pen.polygon(lit, shade(blend(leaf, SNOW, 0.5 * stage.look.snow), 1.05))
            if stage.look.snow and stage.rng.random() < 0.8:
                drop = 0.45 * (high - low) * size
                cap = [
                    top,
                    (x - 0.42 * wide, top[1] + drop),
                    (x, top[1] + 0.7 * drop),
                    (x + 0.42 * wide, top[1] + drop),
                ]
                pen.polygon(cap, shade(SNOW, stage.rng.uniform(0.75, 1.0)))

    def _bare(self, stage: Stage, pen: Pen, foot: Point, size: float) -> None:
        bark = shade((74, 62, 60), stage.rng.uniform(0.6, 1.1))

        def branch(start: Point, angle: float, length: float, depth: int) -> None:
            end = (start[0] + length * math.sin(angle), start[1] - length * math.cos(angle))
            pen.line([start, end], bark, 0.2 * length)
            if depth:
                for turn in stage.rng.uniform(0.15, 0.65, 2) * (-1.0, 1.0):
                    branch(end, angle + turn, length * stage.rng.uniform(0.6, 0.78), depth - 1)

        branch(foot, stage.rng.uniform(-0.08, 0.08), 0.34 * size, 4 if size > 30 else 3)
