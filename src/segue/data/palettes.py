"""Colours that stand for classes: published palettes, and a palette for classes that have no colours of their own."""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Palette:
    """The class colours a data set was published with, in its order of classes, and the colours that mean no class."""

    colours: dict[Colour, str]
    ignored: tuple[Colour, ...]


# https://humansintheloop.org/semantic-segmentation-dataset-2 (Dubai, satellite)
DUBAI = Palette(
    {
        (60, 16, 152): "Building",
        (132, 41, 246): "Land",
        (110, 193, 228): "Road",
        (254, 221, 58): "Vegetation",
        (226, 169, 41): "Water",
    },
    ((155, 155, 155),),
)

# https://github.com/mcordts/cityscapesScripts, labels.py: the 19 evaluated classes
CITYSCAPES = Palette(
    {
        (128, 64, 128): "road",
        (244, 35, 232): "sidewalk",
        (70, 70, 70): "building",
        (102, 102, 156): "wall",
        (190, 153, 153): "fence",
        (153, 153, 153): "pole",
        (250, 170, 30): "traffic light",
        (220, 220, 0): "traffic sign",
        (107, 142, 35): "vegetation",
        (152, 251, 152): "terrain",
        (70, 130, 180): "sky",
        (220, 20, 60): "person",
        (255, 0, 0): "rider",
        (0, 0, 142): "car",
        (0, 0, 70): "truck",
        (0, 60, 100): "bus",
        (0, 80, 100): "train",
        (0, 0, 230): "motorcycle",
        (119, 11, 32): "bicycle",
    },
    ((0, 0, 0),),
)

# http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid, label_colors.txt
CAMVID = Palette(
    {
        (64, 128, 64): "Animal",
        (192, 0, 128): "Archway",
        (0, 128, 192): "Bicyclist",
        (0, 128, 64): "Bridge",
        (128, 0, 0): "Building",
        (64, 0, 128): "Car",
        (64, 0, 192): "CartLuggagePram",
        (192, 128, 64): "Child",
        (192, 192, 128): "Column_Pole",
        (64, 64, 128): "Fence",
        (128, 0, 192): "LaneMkgsDriv",
        (192, 0, 64): "LaneMkgsNonDriv",
        (128, 128, 64): "Misc_Text",
        (192, 0, 192): "MotorcycleScooter",
        (128, 64, 64): "OtherMoving",
        (64, 192, 128): "ParkingBlock",
        (64, 64, 0): "Pedestrian",
        (128, 64, 128): "Road",
        (128, 128, 192): "RoadShoulder",
        (0, 0, 192): "Sidewalk",
        (192, 128, 128): "SignSymbol",
        (128, 128, 128): "Sky",
        (64, 128, 192): "SUVPickupTruck",
        (0, 0, 64): "TrafficCone",
        (0, 64, 64): "TrafficLight",
        (192, 64, 128): "Train",
        (128, 128, 0): "Tree",
        (192, 128, 192): "Truck_Bus",
        (64, 0, 64): "Tunnel",
        (192, 192, 0): "VegetationMisc",
        (64, 192, 0): "Wall",
    },
    ((0, 0, 0),),
)

# VOC's colours are absent on purpose: labelling tools write them for classes of every kind.
KNOWN = (DUBAI, CITYSCAPES, CAMVID)
_ENOUGH = 4  # colours that must agree before a palette is taken as known


def known_palette(colours: set[Colour]) -> Palette | None:
    """The published palette all of `colours` belong to, or None; a few shared colours prove nothing."""
    for palette in KNOWN:
        classes = colours & palette.colours.keys()
        if len(classes) >= _ENOUGH and colours <= classes | set(palette.ignored):
            return palette
    return None


def distinct_colours(count: int) -> tuple[Colour, ...]:
    """Pascal VOC's colour map: the bits of the class number, from the lowest, set the high bits of red, green, blue.

    >>> distinct_colours(3)
    ((0, 0, 0), (128, 0, 0), (0, 128, 0))
    """
    return tuple(_spread(number) for number in range(count))


def _spread(number: int) -> Colour:
    red, green, blue = (sum((number >> (3 * bit + band) & 1) << (7 - bit) for bit in range(3)) for band in range(3))
    return red, green, blue
