"""One generated scene: a picture and the class of every pixel, the same for the same key on every machine."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

from segue.demo import finish, layout
from segue.demo.backdrop import backdrop
from segue.demo.canvas import Camera, Canvas, blend
from segue.demo.look import LOOKS, MATERIALS, Look
from segue.demo.noise import floats
from segue.demo.solid import Sun, shadow
from segue.demo.stage import Stage

SIZE = (128, 160)  # height and width of a scene in pixels
OVERSAMPLE = 2  # everything is painted this much larger and averaged down, which smooths edges
DOMAINS = tuple(LOOKS)


@dataclass(frozen=True)
class Scene:
    """A picture (height, width, 3) and its mask (height, width) of class ids, both bytes."""

    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]


def classes(domain: str) -> tuple[str, ...]:
    """The class names of a domain, in the order of the mask values."""
    return LOOKS[domain].classes


def generator(seed: int, domain: str, index: int) -> np.random.Generator:
    """Randomness for one scene, a function of its three keys alone."""
    return np.random.Generator(np.random.Philox(key=[seed, (DOMAINS.index(domain) << 48) | index]))


def scene(seed: int, domain: str, index: int, size: tuple[int, int] = SIZE) -> Scene:
    """Generate scene number `index` of a domain (`source` or `target`).

    >>> scene(0, "target", 7).mask.shape
    (128, 160)
    """
    look, rng = LOOKS[domain], generator(seed, domain, index)
    camera = _camera(size, rng)
    sun = _sun(look, rng)
    ground = layout.plan(look, rng)
    sun_x = camera.centre + camera.focal * sun.direction[0] * 1.4
    behind = backdrop(camera, look, ground, sun_x, rng)
    things = layout.things(look, ground, camera, rng)

    canvas = Canvas(
        Image.fromarray(np.clip(behind.colour, 0, 255).astype(np.uint8)), Image.fromarray(behind.facts, mode="RGB")
    )
    _cast_shadows(canvas, camera, sun, things)
    stage = Stage(camera, canvas, sun, look, rng)
    for thing in sorted(things, key=lambda thing: -thing.z):
        thing.draw(stage)
    return _develop(canvas, camera, look, rng)


def _camera(size: tuple[int, int], rng: np.random.Generator) -> Camera:
    height, width = size[0] * OVERSAMPLE, size[1] * OVERSAMPLE
    return Camera(
        width, height, rng.uniform(0.34, 0.5) * height, rng.uniform(0.95, 1.25) * width, rng.uniform(3.2, 6.0)
    )


def _sun(look: Look, rng: np.random.Generator) -> Sun:
    elevation = math.radians(rng.uniform(*look.elevation))
    around = rng.uniform(-1.2, 1.2) + (math.pi if rng.random() < 0.55 else 0.0)
    flat = math.cos(elevation)
    return Sun((flat * math.sin(around), math.sin(elevation), flat * math.cos(around)), look.ambient)


def _cast_shadows(canvas: Canvas, camera: Camera, sun: Sun, things: list[layout.Thing]) -> None:
    """Darken the ground where things stand in the light; done before they are drawn, so that only ground is hit."""
    shadows = Image.new("L", canvas.colour.size, 255)
    paint = ImageDraw.Draw(shadows)
    for thing in things:
        outline = shadow(camera, sun, thing.outline())
        if outline:
            paint.polygon(outline, fill=round(255 * (0.25 + 0.6 * sun.ambient)))
    paint.rectangle((0, 0, camera.width, math.floor(camera.horizon)), fill=255)
    canvas.colour.paste(ImageChops.multiply(canvas.colour, Image.merge("RGB", [shadows] * 3)))


def _develop(canvas: Canvas, camera: Camera, look: Look, rng: np.random.Generator) -> Scene:
    water = floats(blend(*look.water, rng.random()))
    painted = finish.mirror(np.asarray(canvas.colour), np.asarray(canvas.facts), camera.horizon, water, rng)
    colour = np.asarray(Image.fromarray(painted).reduce(OVERSAMPLE), np.float32)
    facts = np.asarray(canvas.facts)[::OVERSAMPLE, ::OVERSAMPLE].copy()
    facts[..., 2] = np.asarray(canvas.facts.getchannel(2).reduce(OVERSAMPLE))
    colour = finish.grain(colour, facts, rng)
    tint = floats(blend(*look.sun, rng.random()))
    exposure = rng.uniform(*look.exposure)
    colour = finish.illuminate(colour, facts, tint, exposure, look)
    haze = floats(blend(*look.horizon, rng.random())) * min(1.0, exposure * 1.1)
    colour = finish.fog(colour, facts, rng.uniform(*look.fog), haze)
    colour = finish.snowfall(colour, rng.uniform(*look.flakes), rng)
    image = np.asarray(finish.photograph(colour, look, rng))
    return Scene(image, _lookup(look)[facts[..., 0]])


def _lookup(look: Look) -> NDArray[np.uint8]:
    """Material to class id: by name, except that a winter town calls its ground snow."""
    names = ["snow" if look.snow and name == "ground" else name for name in MATERIALS]
    return np.array([look.classes.index(name) if name in look.classes else 255 for name in names], np.uint8)
