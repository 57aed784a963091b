"""COCO's run lengths (https://github.com/cocodataset/cocoapi, maskApi): how many 0s, then 1s, then 0s, ... by column.

As plain counts, or packed into text: each count, from the fourth on less the count two before it, in groups of five
bits with the lowest first, every group plus 48 as one character, 32 added where more groups follow.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int64

_FIRST, _MORE, _SIGN = 48, 32, 16
_LONGEST = 9  # groups of one count; 2**40 pixels are more than any image has


class BrokenRunsError(Exception):
    """Run lengths that fit no mask of this size; says why."""


def decode(counts: object, height: int, width: int) -> Bool[np.ndarray, "height width"]:
    """The mask of a list of counts, or of the packed text.

    Raises:
        BrokenRunsError: the counts are not whole numbers, negative, packed wrongly, or do not sum to height x width.
    """
    runs = unpack(counts) if isinstance(counts, (str, bytes)) else _whole(counts)
    if runs.size and runs.min() < 0:
        raise BrokenRunsError(f"expected counts of pixels, got {int(runs.min())}")
    if (total := int(runs.sum())) != height * width:
        raise BrokenRunsError(f"expected runs of {height} x {width} = {height * width} pixels, got {total}")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(width, height).T


def encode(mask: Bool[np.ndarray, "height width"]) -> list[int]:
    """The counts of a mask; the first is 0 where its first pixel is set."""
    flat = np.concatenate([[False], mask.T.ravel()])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    counts: list[int] = np.diff(np.concatenate([[0], changes, [mask.size]])).tolist()
    return counts


def encode_part(inside: Bool[np.ndarray, "rows columns"], top: int, left: int, height: int, width: int) -> list[int]:
    """The counts of a mask (height, width) that is set within a box only; costs what the box costs.

    `inside` is the box, its upper left pixel in row `top` and column `left` of the mask.
    """
    changes = np.diff(np.pad(inside.T, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    column, first = np.nonzero(changes == 1)
    _, last = np.nonzero(changes == -1)
    starts, ends = (left + column) * height + top + first, (left + column) * height + top + last
    apart = starts[1:] != ends[:-1]  # a run that reaches the bottom goes on at the top of the next column
    starts, ends = starts[np.concatenate([[True], apart])], ends[np.concatenate([apart, [True]])]
    edges = np.concatenate([[0], np.stack([starts, ends], axis=1).ravel(), [height * width]])
    counts: list[int] = np.diff(edges).tolist()
    return counts if counts[-1] else counts[:-1]


def pack(counts: list[int]) -> str:
    """Counts as packed text."""
    characters = []
    for place, count in enumerate(counts):
        rest = count - counts[place - 2] if place > 2 else count
        more = True
        while more:
            group = rest & 31
            rest >>= 5
            more = rest != (-1 if group & _SIGN else 0)
            characters.append(chr(group + _FIRST + (_MORE if more else 0)))
    return "".join(characters)


def unpack(text: str | bytes) -> Int64[np.ndarray, " counts"]:
    """The counts of packed text.

    Raises:
        BrokenRunsError: a character is none of the format's, or a count does not end.
    """
    raw = text.encode("utf-8", "replace") if isinstance(text, str) else text  # beyond ASCII are other characters
    groups = np.frombuffer(raw, np.uint8).astype(np.int64) - _FIRST
    if groups.size == 0:
        return groups
    ends = np.flatnonzero(groups & _MORE == 0)
    if groups.min() < 0 or groups.max() > 63 or ends.size == 0 or ends[-1] != len(groups) - 1:
        raise BrokenRunsError("expected COCO's packed run lengths, got other text")
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() > _LONGEST:
        raise BrokenRunsError("expected COCO's packed run lengths, got a count beyond any image")
    place = np.arange(len(groups)) - np.repeat(starts, lengths)
    values = np.add.reduceat((groups & 31) << (5 * place), starts)
    values -= np.where(groups[ends] & _SIGN, np.int64(1) << (5 * lengths), 0)
    values[1::2] = np.cumsum(values[1::2])  # each from the fourth on was written less the one two before it
    values[2::2] = np.cumsum(values[2::2])
    return values


def _whole(counts: object) -> Int64[np.ndarray, " counts"]:
    if not isinstance(counts, list) or any(type(count) is not int or abs(count) > 2**40 for count in counts):
        raise BrokenRunsError("expected a list of whole numbers, got something else")
    return np.array(counts, np.int64)
