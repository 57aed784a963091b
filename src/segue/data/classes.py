"""The classes of a data set and how a raw mask encodes them."""

from __future__ import annotations

from dataclasses import dataclass

IGNORE = 255  # the id that stands for "not labelled" in every label array inside Segue

Value = int | tuple[int, int, int]  # what one pixel of a raw mask holds: an index, or a colour


@dataclass(frozen=True)
class Merged:
    """An original class that a mapping put into another: its name, its raw value, and the class id it became.

    The id is `IGNORE` where the mapping makes the class unlabelled.
    """

    name: str
    value: Value
    id: int


@dataclass(frozen=True)
class Classes:
    """Class names and colours, and the raw mask values they are stored as.

    `names[i]`, `palette[i]` (RGB, 0-255) and `values[i]` belong to class id `i`; there are 1 to 255 classes.
    `values[i]` is an integer for single-channel masks (index, palette, 0/255 binary) or an RGB triple for colour-coded
    ones.
    Pixels whose raw value is in `ignored` become `IGNORE`; a value found in none of these is an error.

    `merged` is empty unless classes were merged or renamed (`segue.data.merging`). Then it lists the originals: several
    raw values may become one class id, the first of which stands in `values`.
    """

    names: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    values: tuple[Value, ...]
    ignored: tuple[Value, ...] = (IGNORE,)
    merged: tuple[Merged, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def coded_by_colour(self) -> bool:
        """Whether masks are RGB pictures rather than index images."""
        return isinstance(self.values[0], tuple)

    def ids(self) -> dict[Value, int]:
        """The id of every raw value that means something, `IGNORE` for those that are not labelled."""
        return (
            dict.fromkeys(self.ignored, IGNORE)
            | {value: number for number, value in enumerate(self.values)}
            | {original.value: original.id for original in self.merged}
        )
