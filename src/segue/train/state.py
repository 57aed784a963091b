"""Where a run is: everything that decides what happens next, besides the tensors."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from segue.train.validation_share import MOST_IMAGES, Validating

WITHOUT_RECORD = Validating(10, MOST_IMAGES)  # of runs whose resume points do not say it


@dataclass
class Row:
    """One validation: what `metrics.csv` holds. `val_loss` terms are not computed; losses are training means."""

    step: int
    images: int
    lr: float
    losses: dict[str, float]
    miou: float
    pixel_accuracy: float
    class_iou: dict[str, float | None]


@dataclass
class State:
    """The position of a run and its record so far.

    `step` steps are done out of `total_steps`; `progress` (0-1) drives the schedules and equals `step / total_steps`
    unless a wall-clock budget changed `total_steps` on the way. `lr` is the decoder's rate at the last step, and
    `validated` the last validated step. `loss_sums` and `loss_count` collect the losses since then. `micro_batches`
    grows when memory runs out. `seconds` is the wall clock spent over all sittings, and `reserve` what a wall-clock
    budget keeps for evaluation and report: these two alone may differ between a resumed and an uninterrupted run.
    `validating` says how often the run is validated, and on how many images.
    """

    total_steps: int
    micro_batches: int = 1
    validating: Validating = WITHOUT_RECORD
    step: int = 0
    progress: float = 0.0
    lr: float = 0.0
    validated: int = 0
    best_miou: float = -1.0
    best_step: int = 0
    stopped_early: bool = False
    loss_sums: dict[str, float] = field(default_factory=dict)
    loss_count: int = 0
    history: list[Row] = field(default_factory=list)
    seconds: float = 0.0
    reserve: float = 5.0

    @property
    def finished(self) -> bool:
        """Whether no step is left to do."""
        return self.step >= self.total_steps or self.stopped_early

    def advance(self) -> None:
        """Count one step as done; the rest of the progress is spread evenly over the steps that are left."""
        self.progress += (1.0 - self.progress) / (self.total_steps - self.step)
        self.step += 1

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; floats survive the round trip bit by bit."""
        return dataclasses.asdict(self)


def state_from_dict(values: dict[str, Any]) -> State:
    """The inverse of `State.to_dict`."""
    history = [Row(**row) for row in values["history"]]
    validating = {"validating": Validating(**values["validating"])} if "validating" in values else {}
    return State(**{**values, "history": history, **validating})
