"""The classes of a data set and how a raw mask encodes them."""

from __future__ import annotations

from dataclasses import dataclass

IGNORE = 255  # the id that stands for "not labelled" in every label array inside Segue

Value = int | tuple[int, int, int]  # what one pixel of a raw mask holds: an index, or a colour


@dataclass(frozen=True)
class Classes:
    """Class names and colours, and the raw mask values they are stored as.

    `names[i]`, `palette[i]` (RGB, 0-255) and `values[i]` belong to class id `i`; there are 1 to 255 classes.
    `values[i]` is an integer for single-channel masks (index, palette, 0/255 binary) or an RGB triple for colour-coded
    ones.
    Pixels whose raw value is in `ignored` become `IGNORE`; a value found in neither is an error.
    """

    names: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    values: tuple[Value, ...]
    ignored: tuple[Value, ...] = (IGNORE,)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def coded_by_colour(self) -> bool:
        """Whether masks are RGB pictures rather than index images."""
        return isinstance(self.values[0], tuple)
