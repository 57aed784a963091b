"""Exchange the classes of a trained head by their names: which rows stay, which begin as background, which anew.

The first dimension of a head's weights counts classes. A row moves to the class that has its name. A class the source
does not know begins as a copy of the source's background, since its pixels are what that network calls background
(MiB, https://arxiv.org/abs/2002.00718): weights copied, and with k classes now sharing the background's place (itself
included, if it is still a class) each of their biases lowered by ln k. Their probabilities then add up to what
background had, and those of the kept classes stay as they were. Where there is no background, a row keeps the random
weights the head was built with.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

BACKGROUND = ("background", "bg")  # as `folded` writes them


@dataclass(frozen=True)
class Swap:
    """Where the rows of a new head come from.

    `rows[i]` is the row of the old head for class i, -1 where it has none. Those in `shared` are copies of the
    background's row, or that row itself. The old head has `old` classes; rows behind them stand for "no class".
    """

    rows: tuple[int, ...]
    shared: tuple[int, ...]
    kept: tuple[str, ...]
    from_background: tuple[str, ...]
    anew: tuple[str, ...]
    old: int

    @property
    def shift(self) -> float:
        """What is taken from the bias of each row in `shared`: ln of their number."""
        return math.log(max(1, len(self.shared)))


def swap_classes(old: Sequence[str], new: Sequence[str], rows: int) -> Swap:
    """Plan the exchange of classes `old`, of which the head has `rows`, for the classes `new`.

    `old` is empty when nobody knows the names: then every row begins anew. Names are compared as they are, then
    without case, spaces, underscores and hyphens. Classes begin as background only where at least one class keeps its
    name: with none kept there are no probabilities to preserve, and equal rows learn slower than random ones.
    """
    matched = _matched(old, new)
    background = next((i for i, name in enumerate(old) if folded(name) in BACKGROUND), None)
    unmatched = [i for i in range(len(new)) if i not in matched]
    borrow = unmatched if matched and background is not None else []
    sources = {**matched, **({} if background is None else dict.fromkeys(borrow, background))}
    return Swap(
        rows=tuple(sources.get(i, -1) for i in range(len(new))),
        shared=tuple(i for i, row in sorted(sources.items()) if borrow and row == background),
        kept=tuple(new[i] for i in matched),
        from_background=tuple(new[i] for i in borrow),
        anew=tuple(new[i] for i in unmatched if i not in sources),
        old=rows,
    )


def swap_rows(
    new: Float[Tensor, "..."], old: Float[Tensor, "..."], swap: Swap, *, bias: bool = False
) -> Float[Tensor, "..."]:
    """The tensor `new` of a head with the rows that `swap` takes from `old`; the other rows are those of `new`.

    `bias` says that these numbers are added to the scores, so that shared ones are lowered. Rows behind the classes are
    taken over as they are.
    """
    result = new.clone()
    rest = old.shape[0] - swap.old
    for i, row in enumerate(swap.rows):
        if row >= 0:
            result[i] = old[row].to(result)
    if bias and swap.shared:
        result[torch.tensor(swap.shared)] -= swap.shift
    if rest:
        result[-rest:] = old[-rest:].to(result)
    return result


def folded(name: str) -> str:
    """A class name without what people write differently.

    >>> folded("__background__"), folded("Traffic-Light") == folded("traffic light")
    ('background', True)
    """
    return "".join(character for character in name.casefold() if character not in " _-")


def _matched(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """Row of the old head for each class of the new one that has its name; a name that is ambiguous matches nothing."""
    exact = {name: i for i, name in enumerate(old) if old.count(name) == 1}
    matched = {i: exact[name] for i, name in enumerate(new) if name in exact}
    free = [i for i in range(len(old)) if i not in matched.values()]
    counts = Counter(
        folded(name) for name in [*(old[i] for i in free), *(n for i, n in enumerate(new) if i not in matched)]
    )
    loose = {folded(old[i]): i for i in free}
    for i, name in enumerate(new):
        key = folded(name)
        if i not in matched and key in loose and counts[key] == 2:
            matched[i] = loose[key]
    return dict(sorted(matched.items()))
