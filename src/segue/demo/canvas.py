"""A pinhole camera over flat ground, and a canvas that keeps label, distance and light beside the colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from segue.demo.look import Colour

Point = tuple[float, float]  # on the picture: right, down (pixels)
Outline = Sequence[Point] | list[float]  # points, or all their coordinates in one flat list
Spot = tuple[float, float, float]  # in the world: right, up, ahead (metres)
FOG_SCALE = 20.0  # metres at which the stored distance is half of its range


@dataclass(frozen=True)
class Camera:
    """Where the eye is: `lift` metres above the ground; `horizon`, `centre` and `focal` are in pixels."""

    width: int
    height: int
    horizon: float
    focal: float
    lift: float

    @property
    def centre(self) -> float:
        """The picture column straight ahead."""
        return self.width / 2

    def project(self, spot: Spot) -> Point:
        """Where a point of the world, in front of the eye, falls on the picture."""
        x, y, z = spot
        scale = self.focal / max(z, 0.5)
        return (self.centre + x * scale, self.horizon + (self.lift - y) * scale)


def shade(colour: Colour, factor: float) -> tuple[int, int, int]:
    """A colour made brighter or darker, as bytes."""
    red, green, blue = colour
    return (min(255, int(red * factor)), min(255, int(green * factor)), min(255, int(blue * factor)))


def blend(one: Colour, other: Colour, share: float) -> Colour:
    """A colour between two, `share` of the way from the first."""
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return (red, green, blue)


def distance_byte(z: float) -> int:
    """A distance in metres as 0-255, finest where it is short."""
    return min(255, round(255 * z / (z + FOG_SCALE)))


def _bytes(colour: Colour) -> tuple[int, int, int]:
    return (int(colour[0]), int(colour[1]), int(colour[2]))


class Canvas:
    """Two pictures painted with the same strokes: colour, and (material, distance, light) per pixel."""

    def __init__(self, colour: Image.Image, facts: Image.Image) -> None:
        self.colour = colour
        self.facts = facts
        self._paint = ImageDraw.Draw(colour)
        self._note = ImageDraw.Draw(facts)

    def pen(self, material: int, z: float) -> Pen:
        """A pen for one object, which stands `z` metres away."""
        return Pen(self._paint, self._note, material, distance_byte(z))


class Pen:
    """Draws the parts of one object; `light` (0-255) is how strongly a part shines by itself."""

    def __init__(self, paint: ImageDraw.ImageDraw, note: ImageDraw.ImageDraw, material: int, distance: int) -> None:
        self._paint = paint
        self._note = note
        self._material = material
        self._distance = distance

    def polygon(self, points: Outline, colour: Colour, light: int = 0) -> None:
        """Fill a polygon."""
        self._paint.polygon(points, fill=_bytes(colour))
        self._note.polygon(points, fill=(self._material, self._distance, light))

    def ellipse(self, centre: Point, radius: Point, colour: Colour, light: int = 0) -> None:
        """Fill an upright ellipse."""
        (x, y), (a, b) = centre, radius
        box = (x - a, y - b, x + a, y + b)
        self._paint.ellipse(box, fill=_bytes(colour))
        self._note.ellipse(box, fill=(self._material, self._distance, light))

    def line(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """Draw a stroke, at least one pixel wide."""
        pixels = max(1, round(width))
        self._paint.line(points, fill=_bytes(colour), width=pixels)
        self._note.line(points, fill=(self._material, self._distance, 0), width=pixels)
