"""Which class of a picture gets which style, as people write it: `sky=starry.jpg, road=sketch.jpg, person=keep`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Integer
from scipy.ndimage import distance_transform_edt

from segue.errors import DataError, UsageError
from segue.table import did_you_mean

KEEP = "keep"  # in place of a style: the class stays as it is, to the last bit
REST = "rest"  # in place of a class: all that are not named, which are kept when it is not given


@dataclass(frozen=True)
class Assignment:
    """The styles in the order they are first named, and for every class that gets one its place among them."""

    styles: tuple[Path, ...]
    style_of: Mapping[int, int]
    names: Mapping[int, str]  # of the classes with a style, for messages


def split(words: Sequence[str]) -> dict[str, str]:
    """What stands left and right of each equals sign.

    >>> split(["sky=starry.jpg", " person = keep"])
    {'sky': 'starry.jpg', 'person': 'keep'}

    Raises:
        UsageError: a word without both sides, or a class named twice.
    """
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, style = (part.strip() for part in word.partition("="))
        if not (name and equals and style):
            raise UsageError(f'by_class: expected CLASS=STYLE or CLASS=keep, got {word!r}: "sky=starry.jpg, road=keep"')
        if name in pairs:
            raise UsageError(f"by_class: expected one style for each class, got two for {name!r}")
        pairs[name] = style
    return pairs


def styles_named(pairs: Mapping[str, str]) -> tuple[Path, ...]:
    """The styles among the pairs, each once, in the order they are first named; raises `UsageError` if all are kept."""
    styles = tuple(Path(style) for style in dict.fromkeys(pairs.values()) if style != KEEP)
    if pairs and not styles:
        raise UsageError("by_class: expected a style for some class, got classes that are kept only")
    return styles


def assigned(pairs: Mapping[str, str], names: Mapping[int, str], source: Path) -> Assignment:
    """The pairs with the classes of a segmentation, `names` by id; `source` is where it is from, for messages.

    Raises:
        UsageError: a class that is not among `names`, or nothing but classes that are kept.
    """
    ids = {name: number for number, name in names.items()}
    unknown = [name for name in pairs if name != REST and name not in ids]
    if unknown:
        near = did_you_mean(unknown[0], [*ids, REST])
        raise UsageError(f"by_class: expected a class of {source}, got {unknown[0]!r}: {near}")
    wanted = {ids[name]: style for name, style in pairs.items() if name != REST}
    wanted = {number: wanted.get(number, pairs.get(REST, KEEP)) for number in names}
    styles = styles_named(pairs)
    style_of = {number: styles.index(Path(style)) for number, style in wanted.items() if style != KEEP}
    return Assignment(styles, style_of, {number: names[number] for number in style_of})


def regions_of(
    mask: Integer[np.ndarray, "height width"], assignment: Assignment, picture: Path
) -> tuple[Assignment, Integer[np.ndarray, "height width"]]:
    """The styles that the picture needs, and for every pixel the place of its style among them, -1 where it is kept.

    `mask` holds class ids; those that the assignment does not know, as pixels without data, are kept. Raises
    `DataError` where the picture has none of the classes that get a style.
    """
    found = np.unique(mask)
    present = {number: place for number, place in assignment.style_of.items() if number in found}
    if not present:
        listed = ", ".join(assignment.names.values())
        raise DataError(f"{picture}: expected some {listed} in it, got none: it would stay as it is")
    places = {place: new for new, place in enumerate(sorted(set(present.values())))}
    regions = np.full(mask.shape, -1, np.int64)
    for number, place in present.items():
        regions[mask == number] = places[place]
    used = {number: places[place] for number, place in present.items()}
    names = {number: assignment.names[number] for number in used}
    return Assignment(tuple(assignment.styles[place] for place in places), used, names), regions


def filled(regions: Integer[np.ndarray, "height width"]) -> Integer[np.ndarray, "height width"]:
    """The regions with kept pixels in that of the nearest painted one: what lies under a keeping seam is painted, too.

    A network that paints in one pass sees surroundings, which have to look like something.
    """
    if not (regions < 0).any():
        return regions
    rows, columns = distance_transform_edt(regions < 0, return_distances=False, return_indices=True)
    under: np.ndarray = regions[rows, columns]
    return under


def numbers_in(mask: Integer[np.ndarray, "height width"]) -> dict[int, str]:
    """The values of a mask as names of classes: where no segmentation says what they are called."""
    return {int(value): str(value) for value in np.unique(mask)}
