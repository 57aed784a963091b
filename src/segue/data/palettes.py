"""Colours that stand for classes: published palettes, and a palette for classes that have no colours of their own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache

from segue.data.index import Index
from segue.data.published import Colour, colours_by_value, not_counted, published
from segue.errors import UsageError
from segue.table import did_you_mean

NAMES = ("ade20k", "camvid", "camvid11", "cityscapes", "dubai", "voc")
# Recognised by their colours alone. VOC's are absent on purpose: labelling tools write them for classes of every kind.
RECOGNISED = ("dubai", "cityscapes", "camvid", "camvid11", "ade20k")
_ENOUGH = 4  # colours that must agree before a palette is taken as known


@dataclass(frozen=True)
class Palette:
    """The class colours a data set was published with, in its order of classes, and the colours that mean no class."""

    colours: dict[Colour, str]
    ignored: tuple[Colour, ...]


@cache
def palette(name: str) -> Palette:
    """A published palette by the name of its data set; a colour published for two classes belongs to the first.

    That happens once: ADE20K paints skyscrapers as it paints roads, so colours alone cannot give them back.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in NAMES:
        raise UsageError(f"unknown palette {name!r}: {did_you_mean(name, list(NAMES))}")
    colours: dict[Colour, str] = {}
    for row in published(name):
        if row.counted and row.colour is not None:
            colours.setdefault(row.colour, row.name)
    rest = (row.colour for row in published(name) if not row.counted and row.colour is not None)
    return Palette(colours, tuple(dict.fromkeys(colour for colour in rest if colour not in colours)))


def with_palette(index: Index, name: str) -> Index:
    """The data set with the class names, colours and ignored values that `name` was published with."""
    rows = published(name)
    return replace(
        index,
        names=tuple(row.name for row in rows),
        colours=colours_by_value(name),
        ignore=tuple(dict.fromkeys((*index.ignore, *not_counted(name)))),
    )


def known_palette(colours: set[Colour]) -> Palette | None:
    """The published palette all of `colours` belong to, or None; a few shared colours prove nothing."""
    for known in map(palette, RECOGNISED):
        classes = colours & known.colours.keys()
        if len(classes) >= _ENOUGH and colours <= classes | set(known.ignored):
            return known
    return None


def greys_are_colours(greys: Collection[int], colours: Sequence[Colour]) -> bool:
    """Whether the values of masks without a palette are colours of a layout, and cannot be class numbers.

    A label painted white beside a black background gives masks of 0 and 255: by the layout's colours that is a class,
    by number it would be "not labelled".
    """
    known = {colour[0] for colour in colours if len(set(colour)) == 1}
    return bool(greys) and max(greys) >= len(colours) and known.issuperset(greys)


def whole_palette(colours: Sequence[Colour]) -> list[int]:
    """256 colours in a row, black after those given, as a picture's palette.

    Pillow stores a picture of few colours in few bits, which 255, "not labelled", does not fit in.
    """
    flat = [band for colour in colours for band in colour]
    return flat + [0] * (768 - len(flat))


def distinct_colours(count: int) -> tuple[Colour, ...]:
    """Pascal VOC's colour map: the bits of the class number, from the lowest, set the high bits of red, green, blue.

    >>> distinct_colours(3)
    ((0, 0, 0), (128, 0, 0), (0, 128, 0))
    """
    return tuple(_spread(number) for number in range(count))


def _spread(number: int) -> Colour:
    red, green, blue = (sum((number >> (3 * bit + band) & 1) << (7 - bit) for bit in range(3)) for band in range(3))
    return red, green, blue
