"""A few of many pairs, drawn so that contents and styles come up about equally often."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from segue.style.evaluation.naming import Pair


def drawn_pairs(pairs: Sequence[Pair], count: int | None, seed: int) -> list[Pair]:
    """`count` of the pairs, sorted; all where there are no more or `count` is None.

    Contents and styles are shuffled by the seed, and pairs are taken along the diagonals of their table. The order in
    which they are given does not matter.
    """
    if count is None or count >= len(pairs):
        return sorted(pairs)
    random = np.random.Generator(np.random.Philox(key=seed))
    contents, styles = (_shuffled({pair[side] for pair in pairs}, random) for side in (0, 1))
    given = set(pairs)
    # along the longer side, so that none of it is left out before all of it has come up
    longer, shorter = (contents, styles) if len(contents) >= len(styles) else (styles, contents)
    places = [
        (one, shorter[(row + turn) % len(shorter)]) for turn in range(len(shorter)) for row, one in enumerate(longer)
    ]
    diagonals = places if longer is contents else [(content, style) for style, content in places]
    return sorted([pair for pair in diagonals if pair in given][:count])


def _shuffled(names: set[str], random: np.random.Generator) -> list[str]:
    ordered = sorted(names)
    return [ordered[place] for place in random.permutation(len(ordered))]
