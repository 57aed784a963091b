"""The categories of annotations as classes of the masks that are drawn from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segue.data.classes import IGNORE, Classes
from segue.data.palettes import distinct_colours
from segue.data.published import Colour
from segue.errors import DataError

BACKGROUND = "background"
_ALIASES = (BACKGROUND, "_background_", "__background__")  # what tools call pixels that belong to no object


@dataclass(frozen=True)
class Categories:
    """Class names and colours by mask value."""

    names: tuple[str, ...]
    colours: tuple[Colour, ...]

    def value(self, name: str) -> int:
        """The mask value of a category."""
        return 0 if name in _ALIASES and name not in self.names else self.names.index(name)


def categories_of(named: dict[str, Any], source: Path, background: bool) -> Categories:
    """Categories from names with their colours (or None), as whatever a file holds.

    Args:
        named: name and colour of each category, in order.
        source: the file that lists them, for messages.
        background: whether pixels that no object covers are class 0; a category of that name is then the same.

    Raises:
        DataError: there are none, or more than a mask of 8 bits can tell apart.
    """
    kept = {name: colour for name, colour in named.items() if not (background and name in _ALIASES)}
    names = (BACKGROUND, *kept) if background else tuple(kept)
    if not kept or len(names) > IGNORE:
        raise DataError(
            f"{source}: expected 1 to {IGNORE - background} categories, got {len(kept)}; keep those you need"
        )
    colours = tuple(_colour(colour) for colour in kept.values())
    given = tuple(colour for colour in colours if colour is not None)
    if len({*given, (0, 0, 0)}) == len(names) and background:
        return Categories(names, ((0, 0, 0), *given))
    if len(set(given)) == len(names):
        return Categories(names, given)
    return Categories(names, distinct_colours(len(names)))


def drawn_classes(classes: Classes) -> list[tuple[int, str]]:
    """Class ids with their names, without the background, which is what no object covers.

    Raises:
        DataError: there are more than can be told apart beside a background, or two names for the background.
    """
    rows = [(number, name) for number, name in enumerate(classes.names) if name not in _ALIASES]
    if len(rows) >= IGNORE:
        raise DataError(
            f"expected at most {IGNORE - 1} classes beside the background, got {len(rows)}; if one of them is what no "
            f'object covers, call it so: --merge "{BACKGROUND}={rows[0][1]}"'
        )
    if len(classes) - len(rows) > 1:
        both = " and ".join(name for name in classes.names if name in _ALIASES)
        raise DataError(f"expected one class for what no object covers, got {both}; rename or merge one with --merge")
    return rows


def _colour(value: Any) -> Colour | None:  # noqa: ANN401 - whatever a file holds
    if not isinstance(value, (list, tuple)) or len(value) != 3:
        return None
    return (value[0], value[1], value[2]) if all(type(v) is int and 0 <= v <= 255 for v in value) else None
