"""What each class weighs in the loss: computed from the training masks, logged, and shown in the report."""

from __future__ import annotations

from segue.configs import OptimConfig
from segue.data.census import balancing_weights
from segue.data.prepare import Data
from segue.losses import parse_loss, takes_class_weights


def weighted_terms(loss: str) -> tuple[str, ...]:
    """The terms of a loss that class weights go to; the others balance classes by themselves.

    >>> weighted_terms("ce + jaccard"), weighted_terms("dice")
    (('ce',), ())
    """
    return tuple(name for name, _, _ in parse_loss(loss).parts if takes_class_weights(name))


def class_weights(optim: OptimConfig, data: Data) -> dict[str, float]:
    """The weight of each class by name; empty when `optim.class_weights` is 0 or no term of the loss takes weights."""
    if optim.class_weights == 0 or not weighted_terms(optim.loss):
        return {}
    weights = balancing_weights(data.pixels_of("train"), optim.class_weights)
    return dict(zip(data.classes.names, weights.tolist(), strict=True))


def describe(optim: OptimConfig, weights: dict[str, float]) -> str:
    """One line for the log."""
    if not weights:
        why = "optim.class_weights is 0" if optim.class_weights == 0 else f"no term of {optim.loss!r} takes them"
        return f"no class weights: {why}"
    shown = ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items())
    terms = " and ".join(weighted_terms(optim.loss))
    return f"class weights in {terms} (inverse share to the power {optim.class_weights:g}): {shown}"
