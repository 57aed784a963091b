"""From the masks of a data set to its classes: how many there are, what they are called, which values they have."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from segue.data.classes import IGNORE, Classes
from segue.data.index import Sample
from segue.data.palettes import Palette, distinct_colours, greys_are_colours, known_palette
from segue.data.published import Colour
from segue.data.survey import MaskValues, pack, survey, unpack
from segue.errors import DataError

_LOG = logging.getLogger("segue")
_STRAY_PIXELS = 1e-4  # a colour with at most this share of all pixels ...
_STRAY_MASKS = 0.1  # ... in at most this share of the masks is a slip of the brush, not a class
_BINARY = ("background", "foreground")
_BLACK, _WHITE = 0, 0xFFFFFF


def infer_classes(
    samples: Sequence[Sample],
    names: Sequence[str] = (),
    ignore: Sequence[int] = (),
    layout_names: Sequence[str] = (),
    layout_colours: Sequence[Colour] = (),
) -> Classes:
    """Find the classes of a data set by reading all its masks.

    - 0 and 255 alone: background and foreground.
    - Other single-channel masks: one class per value, in order, 255 ignored. Gaps stay gaps: the class after 0 may be
      "class 7". Palette files lend their colours.
    - Colour masks, palette files with differing palettes, or both mixed: one class per colour, ordered by hexadecimal
      code, or as in a published palette when all colours belong to one. A colour in at most one pixel of ten thousand
      and one mask of ten is a stray: it is logged and ignored. Naming as many classes as there are colours keeps it.
      Where the layout names the colours, these are the classes; greys among them are colours, too, unless all values
      may be class numbers.

    Args:
        samples: samples without a mask are passed over.
        names: class names in the order of the values found, or by value (0, 1, 2, ...) where some value is absent.
        ignore: values that mean "not labelled"; for colour masks the grey of that level (155 is #9B9B9B).
        layout_names: class names by value that the layout fixes, those of ignored values included; `names` of as many
            as there are classes replace them.
        layout_colours: the colours of `layout_names`, or none.

    Raises:
        DataError: masks are smoothed or lossy, hold no label or more than 255 classes, or the names do not fit.
    """
    for given in (names, layout_names):
        if twice := [name for name, number in Counter(given).items() if number > 1]:
            raise DataError(f"names: expected class names that differ, got {twice[0]} more than once; rename one")
    masks = survey([sample.mask for sample in samples if sample.mask is not None])
    if not masks:
        raise DataError("expected labelled images, got none with a mask; add masks")
    layout = Layout(tuple(layout_names), tuple(layout_colours))
    if _coded_by_colour(masks, layout):
        return _colour_classes(masks, tuple(names), ignore, layout)
    return _index_classes(masks, tuple(names), ignore, layout)


@dataclass(frozen=True)
class Layout:
    """What a layout says about its classes: names by mask value and, where they are published, their colours."""

    names: tuple[str, ...] = ()
    colours: tuple[Colour, ...] = ()

    def palette(self, ignore: Sequence[int]) -> Palette | None:
        """The classes by colour, None where the layout knows none; `ignore` are values that mean "not labelled"."""
        if not self.colours:
            return None
        classes: dict[Colour, str] = {}
        for value, (colour, name) in enumerate(zip(self.colours, self.names, strict=True)):
            if value not in ignore:
                classes.setdefault(colour, name)
        rest = (self.colours[value] for value in ignore if value < len(self.colours))
        return Palette(classes, tuple(colour for colour in rest if colour not in classes))

    def greys(self, ignore: Sequence[int]) -> set[int]:
        """The packed greys that ignored values stand for, those aside that the layout has a colour for."""
        return {value * 0x010101 for value in ignore if len(self.colours) <= value <= 255}


def _coded_by_colour(masks: Sequence[MaskValues], layout: Layout) -> bool:
    """Whether colours, not numbers, tell the classes apart."""
    if any(mask.kind == "colour" for mask in masks):
        return True
    colour_of: dict[int, Colour] = {}
    shown, indices, plain = set[int](), set[int](), set[int]()
    for mask in masks:
        if mask.palette is None:
            plain |= mask.pixels.keys()
            continue
        indices |= mask.pixels.keys()
        shown |= mask.colours().keys()
        for index in mask.pixels.keys() & set(range(len(mask.palette))):
            if colour_of.setdefault(index, mask.palette[index]) != mask.palette[index]:
                return True  # each file has a palette of its own, so its numbers mean nothing
    if greys_are_colours(plain, layout.colours):
        return True
    # Grey files beside palette files that show the same greys under other numbers: 0 and 255 beside 0 and 1.
    return bool(indices and plain) and not indices <= plain and shown <= {value * 0x010101 for value in plain}


# --- numbers ---------------------------------------------------------------------------------------------------------


def _index_classes(
    masks: Sequence[MaskValues], names: tuple[str, ...], ignore: Sequence[int], layout: Layout
) -> Classes:
    values = sorted(set[int]().union(*(mask.pixels.keys() for mask in masks)) - set(ignore))
    if set(values) <= {0, 255} and IGNORE in values and not layout.names and len(names) in (0, 2):
        return Classes(names or _BINARY, ((0, 0, 0), (255, 255, 255)), (0, 255), tuple(sorted(set(ignore))))
    ignored = {IGNORE, *ignore}
    found = [value for value in values if value not in ignored]
    if not found:
        raise DataError(f"{masks[0].path}: expected labels, got masks whose every pixel is ignored; check the masks")
    by_value = {value: name for value, name in enumerate(layout.names) if value not in ignored}
    named = _name_values(masks, found, names, by_value)
    _check_count(len(named))
    palette = _index_palette(masks, tuple(named), layout.colours)
    return Classes(tuple(named.values()), palette, tuple(named), tuple(sorted(ignored)))


def _name_values(
    masks: Sequence[MaskValues], found: list[int], names: tuple[str, ...], layout: dict[int, str]
) -> dict[int, str]:
    """Class names by mask value, in order; `layout` holds those the layout fixes."""
    if layout and names:
        if len(names) != len(layout):
            raise DataError(f"names: expected {len(layout)} class names for this layout, got {len(names)}")
        layout = dict(zip(layout, names, strict=True))
    elif names and len(names) == len(found):
        return dict(zip(found, names, strict=True))
    if by_value := layout or dict(enumerate(names)):
        if not by_value.keys() >= set(found):
            raise _unnamed(masks, found, by_value)
        return by_value
    if found == [0, 1]:
        return dict(zip(found, _BINARY, strict=True))
    return {value: f"class {value}" for value in found}


def _unnamed(masks: Sequence[MaskValues], found: list[int], named: dict[int, str]) -> DataError:
    strange = next(value for value in reversed(found) if value not in named)
    where = next(mask.path for mask in masks if strange in mask.pixels)
    shown = ", ".join(map(str, found[:12])) + (", ..." if len(found) > 12 else "")
    return DataError(
        f"{where}: expected values {min(named)} to {max(named)} for {len(named)} class names, got {strange} "
        f"(all values: {shown}); name every value, or ignore it"
    )


def _index_palette(
    masks: Sequence[MaskValues], values: tuple[int, ...], colours: tuple[Colour, ...]
) -> tuple[Colour, ...]:
    """The layout's colours, else those of a palette file if it has a different one for each class."""
    if colours:
        return tuple(colours[value] for value in values)
    for mask in masks:
        if mask.palette and len(mask.palette) > values[-1]:
            lent = tuple(mask.palette[value] for value in values)
            if len(set(lent)) == len(lent):
                return lent
    return distinct_colours(len(values))


# --- colours ---------------------------------------------------------------------------------------------------------


def _colour_classes(
    masks: Sequence[MaskValues], names: tuple[str, ...], ignore: Sequence[int], layout: Layout
) -> Classes:
    pixels, holders = Counter[int](), Counter[int]()
    for mask in masks:
        pixels.update(mask.colours())
        holders.update(mask.colours().keys())
    told, ignored = layout.palette(ignore), layout.greys(ignore)
    expected = {pack(colour) for colour in (*told.colours, *told.ignored)} if told else set()
    found = sorted(pixels.keys() - ignored)
    strays = [] if len(names) == len(found) else _strays(sorted({*found} - expected), pixels, holders, masks)
    found = [colour for colour in found if colour not in strays]
    palette = told or known_palette({unpack(colour) for colour in found})
    if told:
        _refuse_strangers(set(found) - expected, told, masks)
    if palette:
        ignored |= {pack(colour) for colour in palette.ignored}
        found = [pack(c) for c in palette.colours if pack(c) not in ignored and (told or pack(c) in found)]
    named = _name_colours(found, names, palette)
    _check_count(len(named))
    values = tuple(unpack(colour) for colour in found)
    return Classes(named, values, values, tuple(unpack(colour) for colour in sorted({*ignored, *strays})))


def _refuse_strangers(strange: set[int], told: Palette, masks: Sequence[MaskValues]) -> None:
    if strange:
        colour = min(strange)
        where = next(mask.path for mask in masks if colour in mask.colours())
        known = " ".join(f"#{pack(one):06X}" for one in list(told.colours)[:12])
        more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
        raise DataError(
            f"{where}: expected the {len(told.colours)} colours that are named ({known} ...), got #{colour:06X}{more}; "
            "correct the mask, or name the colour"
        )


def _strays(found: list[int], pixels: Counter[int], holders: Counter[int], masks: Sequence[MaskValues]) -> list[int]:
    total = sum(pixels.values())
    strays = [c for c in found if pixels[c] <= _STRAY_PIXELS * total and holders[c] <= _STRAY_MASKS * len(masks)]
    for colour in strays:
        where = next(mask.path for mask in masks if colour in mask.colours())
        _LOG.warning(
            "colour #%06X fills %d of %d pixels in %d of %d masks (such as %s): ignored, not taken as a class",
            *(colour, pixels[colour], total, holders[colour], len(masks), where),
        )
    return strays


def _name_colours(found: list[int], names: tuple[str, ...], palette: Palette | None) -> tuple[str, ...]:
    shown = [f"#{colour:06X}" for colour in found]
    if names:
        if len(names) != len(found):
            raise DataError(
                f"names: expected {len(found)} class names for the colours {' '.join(shown[:30])}, got {len(names)}"
            )
        return names
    if palette:
        return tuple(palette.colours[unpack(colour)] for colour in found)
    return _BINARY if found == [_BLACK, _WHITE] else tuple(shown)


def _check_count(count: int) -> None:
    if not 1 <= count <= IGNORE:
        raise DataError(
            f"expected 1 to {IGNORE} classes, got {count} different mask values; photos and instance ids are no masks, "
            "segue doctor tells more"
        )
