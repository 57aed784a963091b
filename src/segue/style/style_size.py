"""How large a network for any style is shown a style where nobody says: with strokes of a size it has practised."""

from __future__ import annotations

STYLE_SIZE = 512  # pixels of the long side, for a network whose training says nothing
CROPS = 2  # crops of its training that make a style's long side
SMALLEST, LARGEST = 16, 8192  # pixels that --style-size may ask for


def style_size_of(crop: object) -> int:
    """Pixels of the long side for a network that was trained on crops of `crop` pixels, as its model folder tells.

    What stands in a stranger's file counts within what may be asked for, and not where it is no whole number.
    """
    return min(max(CROPS * crop, SMALLEST), LARGEST) if type(crop) is int else STYLE_SIZE
