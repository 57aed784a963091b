"""Which of several styles a picture looks most like: a score that divides by nothing and needs nobody's opinion."""

from __future__ import annotations

from collections.abc import Mapping


def rank(distances: Mapping[str, float], right: str) -> float:
    """The rank of the right style by its distance, 1 for the nearest; styles just as far share theirs.

    A picture that looks like none more than any other thus gets the middle rank, (K + 1) / 2 of K.

    >>> rank({"monet": 0.2, "munch": 0.5, "klee": 0.3}, "klee")
    2.0
    """
    own = distances[right]
    nearer = sum(distance < own for distance in distances.values())
    as_far = sum(distance == own for distance in distances.values())
    return 1.0 + nearer + (as_far - 1) / 2
