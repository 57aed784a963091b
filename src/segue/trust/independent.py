"""One image of each group: what may be counted as independent draws among frames of videos or tiles of scenes."""

from __future__ import annotations

from collections.abc import Sequence


def one_per_group(groups: Sequence[str]) -> list[int]:
    """The position of the middle image of each group, in order; an image without a group ("") stands for itself.

    An image, not the mean over the group: a mean varies less than a single image does, so the two must not be compared.

    >>> one_per_group(["a", "a", "b", "a", "", ""])
    [1, 2, 4, 5]
    """
    places: dict[str, list[int]] = {}
    for i, group in enumerate(groups):
        places.setdefault(group or f"\0{i}", []).append(i)
    return sorted(held[(len(held) - 1) // 2] for held in places.values())
