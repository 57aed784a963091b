"""What every thing in a scene needs to draw itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segue.demo.canvas import Camera, Canvas, Point, shade
from segue.demo.look import Colour, Look
from segue.demo.solid import Sun

SNOW: Colour = (226, 232, 246)
WARM: Colour = (255, 206, 120)


@dataclass(frozen=True)
class Stage:
    """What every thing needs to draw itself."""

    camera: Camera
    canvas: Canvas
    sun: Sun
    look: Look
    rng: np.random.Generator

    def pick(self, choices: tuple[Colour, ...]) -> Colour:
        """One of the colours, made a little brighter or darker."""
        return shade(choices[self.rng.integers(len(choices))], self.rng.uniform(0.82, 1.12))


def taper(x: float, low: float, high: float, half: float) -> list[Point]:
    """A post or trunk from row `low` up to row `high`, a little narrower at the top."""
    return [(x - half, low), (x + half, low), (x + 0.6 * half, high), (x - 0.6 * half, high)]
