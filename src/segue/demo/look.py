"""The two worlds of the demonstration: a summer harbour (source) and a winter town at night (target)."""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[float, float, float]  # RGB, 0-255

# Every material of both worlds. The number is private to the renderer; each world numbers its own classes.
MATERIALS = ("sky", "hills", "ground", "road", "water", "building", "tree", "car", "boat", "lamp", "person")
SKY, HILLS, GROUND, ROAD, WATER, BUILDING, TREE, CAR, BOAT, LAMP, PERSON = range(len(MATERIALS))


@dataclass(frozen=True)
class Look:
    """What makes one world look as it does; ranges are (from, to), colours are drawn between the two given.

    `exposure` multiplies what daylight reaches, `glow` what shines by itself; `fog` is the optical depth per metre;
    `grain` is the sensor noise in grey levels; `flakes` is the share of pixels hit by falling snow; `cast` is how far
    the white balance strays.
    """

    classes: tuple[str, ...]
    layouts: tuple[str, ...]
    zenith: tuple[Colour, Colour]
    horizon: tuple[Colour, Colour]
    hills: tuple[Colour, Colour]
    ground: tuple[Colour, Colour]
    road: tuple[Colour, Colour]
    water: tuple[Colour, Colour]
    walls: tuple[Colour, ...]
    roofs: tuple[Colour, ...]
    leaves: tuple[Colour, Colour]
    sun: tuple[Colour, Colour]
    elevation: tuple[float, float]
    ambient: float
    exposure: tuple[float, float]
    clouds: tuple[float, float]
    fog: tuple[float, float]
    glow: float
    lit: float
    conifers: float
    snow: float
    flakes: tuple[float, float]
    grain: tuple[float, float]
    blur: tuple[float, float]
    quality: tuple[int, int]
    saturation: float
    cast: float


HARBOUR = Look(
    classes=("sky", "hills", "ground", "road", "water", "building", "tree", "boat", "person"),
    layouts=("bay", "shore", "village"),
    zenith=((52, 112, 196), (104, 168, 226)),
    horizon=((176, 208, 232), (244, 226, 196)),
    hills=((88, 122, 108), (128, 148, 168)),
    ground=((96, 138, 58), (152, 164, 82)),
    road=((186, 168, 138), (220, 206, 178)),
    water=((24, 92, 120), (58, 134, 146)),
    walls=((236, 226, 206), (222, 176, 120), (206, 122, 96), (242, 212, 140), (186, 200, 206), (250, 246, 238)),
    roofs=((176, 82, 58), (150, 66, 50), (122, 84, 70), (196, 110, 76)),
    leaves=((46, 98, 44), (116, 146, 50)),
    sun=((255, 232, 190), (255, 250, 238)),
    elevation=(22, 58),
    ambient=0.58,
    exposure=(0.85, 1.12),
    clouds=(-0.2, 1.4),
    fog=(0.001, 0.006),
    glow=0.0,
    lit=0.0,
    conifers=0.15,
    snow=0.0,
    flakes=(0.0, 0.0),
    grain=(1.0, 4.0),
    blur=(0.0, 0.5),
    quality=(80, 95),
    saturation=1.3,
    cast=0.0,
)

TOWN = Look(
    classes=("sky", "hills", "snow", "road", "building", "tree", "car", "lamp", "person"),
    layouts=("avenue", "avenue", "crossing"),
    zenith=((10, 14, 40), (92, 100, 164)),
    horizon=((60, 70, 120), (236, 156, 112)),
    hills=((58, 66, 100), (104, 106, 140)),
    ground=((150, 160, 198), (230, 226, 230)),
    road=((46, 48, 60), (146, 148, 162)),
    water=((20, 30, 50), (40, 50, 70)),
    walls=(
        (112, 86, 78),
        (92, 96, 112),
        (196, 150, 108),
        (148, 62, 52),
        (204, 194, 178),
        (84, 112, 120),
        (118, 92, 136),
    ),
    roofs=((66, 60, 72), (84, 66, 66), (58, 66, 84)),
    leaves=((26, 48, 44), (92, 98, 84)),
    sun=((148, 168, 238), (255, 206, 162)),
    elevation=(25, 60),
    ambient=0.72,
    exposure=(0.5, 1.45),
    clouds=(-0.6, 1.2),
    fog=(0.001, 0.016),
    glow=1.0,
    lit=0.42,
    conifers=0.65,
    snow=1.0,
    flakes=(0.0, 0.012),
    grain=(2.0, 9.0),
    blur=(0.0, 0.7),
    quality=(65, 92),
    saturation=1.1,
    cast=0.16,
)

LOOKS = {"source": HARBOUR, "target": TOWN}
