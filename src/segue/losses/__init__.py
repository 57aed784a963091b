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
from segue.losses.across import Across, over_all
from segue.losses.combine import Loss, LossFunction
from segue.losses.parameters import read_parameters
from segue.table import Table

if TYPE_CHECKING:
    from torch import Tensor

LOSSES = Table(
    "loss",
    __name__,
    ce="cross_entropy:cross_entropy",
    bce="binary_cross_entropy:binary_cross_entropy",
    ohem="ohem:ohem",
    focal="focal:focal",
    jaccard="jaccard:jaccard",
    dice="dice:dice",
    generalised_dice="generalised_dice:generalised_dice",
    tversky="tversky:tversky",
    lovasz="lovasz:lovasz",
    lovasz_hinge="lovasz_hinge:lovasz_hinge",
    boundary="boundary:boundary",
)

_TERM = re.compile(r"(?:(?P<weight>[^*()]+)\*)?(?P<name>[^*()]+)(?:\((?P<parameters>[^()]*)\))?")
_PLUS = re.compile(r"(?<![\d.][eE])\+(?![^(]*\))")  # the plus of 1e+2, or one between brackets, is part of a term


def parse_loss(text: str, class_weights: Tensor | None = None, across: Across | None = None) -> Loss:
    """Read a weighted sum of losses; a term without a weight weighs 1, a parameter that is not given has its default.

    `class_weights` (one per class) go to the losses that take `weights`; the others balance classes by themselves.
    With `across` a batch is what all processes have of it.

    Raises `UsageError` for an unknown name, a name that comes twice, weights that are not positive numbers, and
    parameters that the loss does not have or that are out of their bounds.

    >>> [(name, weight) for name, weight, _ in parse_loss("0.25*ce + focal(gamma=3)").parts]
    [('ce', 0.25), ('focal', 1.0)]
    """
    try:
        terms = [_parse_term(term.strip()) for term in _PLUS.split(text)]
    except UsageError as error:
        raise UsageError(f"loss {text!r}: {error}") from None
    names = [name for name, _, _ in terms]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"loss {text!r}: {twice} comes twice, write it once with the sum of its weights")
    return Loss(tuple((name, weight, _bound(name, values, class_weights, across)) for name, weight, values in terms))


def takes_class_weights(name: str) -> bool:
    """Whether class weights go to the loss of this name."""
    return "weights" in inspect.signature(LOSSES[name]).parameters


def _bound(name: str, values: dict[str, float], class_weights: Tensor | None, across: Across | None) -> LossFunction:
    """The function of a row, with its parameters and, where it takes them, the class weights filled in."""
    function = functools.partial(LOSSES[name], **values) if values else LOSSES[name]
    if class_weights is not None and takes_class_weights(name):
        function = functools.partial(function, weights=class_weights)
    return function if across is None else over_all(function, across)


def _parse_term(term: str) -> tuple[str, float, dict[str, float]]:
    match = _TERM.fullmatch(term)
    if match is None:
        raise UsageError(f'expected terms such as "0.25*ce + 0.75*tversky(beta=0.8)", got {term!r}')
    written = (match["weight"] or "1").strip()
    try:
        weight = float(written)
    except ValueError:
        weight = math.nan
    if not 0 < weight < math.inf:
        raise UsageError(f"expected a positive weight, got {written!r}")
    name = match["name"].strip()
    function, given = LOSSES[name], match["parameters"]
    return name, weight, {} if given is None else read_parameters(name, function, given)
