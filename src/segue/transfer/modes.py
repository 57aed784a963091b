"""The transfer modes: when each stage of the encoder begins to train.

A mode is a function of the options and the number of stages. It returns one share of the run (0 to 1) per stage, from
the stem to the last: the progress from which the stage trains, 0 for the whole run and `NEVER` for not at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from segue.configs import TransferConfig
from segue.errors import UsageError

NEVER = math.inf
Starts = tuple[float, ...]


def staged(transfer: TransferConfig, stages: int) -> Starts:
    """The decoder first, then all layers, the pretrained ones slower (LP-FT, https://arxiv.org/abs/2202.10054)."""
    return (transfer.head_fraction,) * stages


def gradual(transfer: TransferConfig, stages: int) -> Starts:
    """The decoder first, then one stage after the other, the last first (ULMFiT, https://arxiv.org/abs/1801.06146)."""
    gap = (transfer.unfreeze - transfer.head_fraction) / max(1, stages - 1)
    return tuple(transfer.head_fraction + gap * (stages - 1 - stage) for stage in range(stages))


def full(transfer: TransferConfig, stages: int) -> Starts:
    """All layers from the first step, the pretrained ones slower."""
    return (0.0,) * stages


def lora(transfer: TransferConfig, stages: int) -> Starts:
    """The pretrained weights stay; matrices of low rank are learned beside them (https://arxiv.org/abs/2106.09685)."""
    return (NEVER,) * stages


def partial(transfer: TransferConfig, stages: int) -> Starts:
    """The first transfer.frozen_stages stages stay as they are (https://arxiv.org/abs/1411.1792)."""
    frozen = _at_most("frozen_stages", transfer.frozen_stages, stages)
    return (NEVER,) * frozen + (0.0,) * (stages - frozen)


def tune_last(transfer: TransferConfig, stages: int) -> Starts:
    """Only the last transfer.tuned_stages stages and the decoder train: for other classes in similar pictures."""
    tuned = _at_most("tuned_stages", transfer.tuned_stages, stages)
    return (NEVER,) * (stages - tuned) + (0.0,) * tuned


def tune_first(transfer: TransferConfig, stages: int) -> Starts:
    """Only the first transfer.tuned_stages stages and the decoder train (https://arxiv.org/abs/2210.11466)."""
    tuned = _at_most("tuned_stages", transfer.tuned_stages, stages)
    return (0.0,) * tuned + (NEVER,) * (stages - tuned)


def frozen(transfer: TransferConfig, stages: int) -> Starts:
    """Feature extraction: the encoder stays as it is, BatchNorm statistics included."""
    return (NEVER,) * stages


def scratch(transfer: TransferConfig, stages: int) -> Starts:
    """No pretrained weights, for comparison."""
    return (0.0,) * stages


MODES: dict[str, Callable[[TransferConfig, int], Starts]] = {
    "staged": staged,
    "gradual": gradual,
    "full": full,
    "lora": lora,
    "partial": partial,
    "tune-last": tune_last,
    "tune-first": tune_first,
    "frozen": frozen,
    "scratch": scratch,
}


def about(mode: str) -> str:
    """What a mode does, in one sentence."""
    return (MODES[mode].__doc__ or "").strip()


def stage_starts(transfer: TransferConfig, stages: int) -> Starts:
    """The share of the run (0 to 1) from which each of `stages` stages trains, from the stem to the last.

    Raises `UsageError` for more stages than the encoder has.

    >>> stage_starts(TransferConfig(mode="gradual", head_fraction=0.25, unfreeze=0.75), 3)
    (0.75, 0.5, 0.25)
    """
    return MODES[transfer.mode](transfer, stages)


def _at_most(name: str, value: int, stages: int) -> int:
    if value > stages:
        raise UsageError(f"transfer.{name}: expected at most {stages}, the stages of this encoder, got {value}")
    return value
