"""Losses: what training makes small.

A row is a function `f(logits, labels, *, ignore=255) -> scalar`: logits (batch, classes, *space), labels
(batch, *space) with `ignore` where a pixel does not count, in two or three dimensions. It is 0 for a perfect prediction
and when every pixel is ignored, and computes in float32 whatever the logits are. To add one: a file here, a row below;
`tests/test_contracts.py` says the rest.
"""

from __future__ import annotations

import functools
import inspect
import math
import re
from typing import TYPE_CHECKING

from segue.errors import UsageError
from segue.losses.combine import Loss, LossFunction
from segue.table import Table

if TYPE_CHECKING:
    from torch import Tensor

LOSSES = Table(
    "loss",
    __name__,
    ce="cross_entropy:cross_entropy",
    jaccard="jaccard:jaccard",
    dice="dice:dice",
)

_TERM = re.compile(r"(?:(?P<weight>[^*]+)\*)?(?P<name>[^*]+)")
_PLUS = re.compile(r"(?<![\d.][eE])\+")  # the plus of 1e+2 belongs to the number


def parse_loss(text: str, class_weights: Tensor | None = None) -> Loss:
    """Read a weighted sum of losses; a term without a weight weighs 1.

    `class_weights` (one per class) go to the losses that take `weights`; the others balance classes by themselves.

    Raises `UsageError` for an unknown name, a name that comes twice, and weights that are not positive numbers.

    >>> [(name, weight) for name, weight, _ in parse_loss("0.25*ce + jaccard").parts]
    [('ce', 0.25), ('jaccard', 1.0)]
    """
    parts = [_parse_term(term.strip(), text) for term in _PLUS.split(text)]
    names = [name for name, _ in parts]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"loss {text!r}: {twice} comes twice, write it once with the sum of its weights")
    return Loss(tuple((name, weight, _balanced(LOSSES[name], class_weights)) for name, weight in parts))


def _balanced(function: LossFunction, class_weights: Tensor | None) -> LossFunction:
    if class_weights is None or "weights" not in inspect.signature(function).parameters:
        return function
    return functools.partial(function, weights=class_weights)


def _parse_term(term: str, text: str) -> tuple[str, float]:
    match = _TERM.fullmatch(term)
    if match is None:
        raise UsageError(f'loss {text!r}: expected terms such as "0.25*ce + 0.75*jaccard", got {term!r}')
    written = (match["weight"] or "1").strip()
    try:
        weight = float(written)
    except ValueError:
        weight = math.nan
    if not 0 < weight < math.inf:
        raise UsageError(f"loss {text!r}: expected a positive weight, got {written!r}")
    return match["name"].strip(), weight
