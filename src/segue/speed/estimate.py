"""How long a run will take, from the measured times of what it is made of."""

from __future__ import annotations

from dataclasses import dataclass

from segue.configs import FitConfig
from segue.console import duration
from segue.planning.validation import SHARE_OF_FOLDS
from segue.speed.verdict import Figures, per_image
from segue.train.budget import Budget
from segue.train.start import seconds_to_conclude
from segue.train.state import State


@dataclass(frozen=True)
class Estimate:
    """Steps of a run, or of each of its `folds`, and seconds: `preparing` once, the rest for each of them.

    Stopping early, which `segue fit` may do, is not reckoned with.
    """

    steps: int
    folds: int
    preparing: float
    training: float
    validating: float
    concluding: float

    @property
    def seconds(self) -> float:
        """From the command to the report."""
        return self.preparing + self.folds * (self.training + self.validating + self.concluding)

    def line(self) -> str:
        """The estimate for people."""
        each = f", for each of {self.folds} folds" if self.folds > 1 else ""
        return (
            f"a fit like this: about {duration(self.seconds)}: {self.steps} steps {duration(self.training)}, "
            f"validations {duration(self.validating)}, evaluation and report {duration(self.concluding)}{each}"
        )


def estimate(config: FitConfig, figures: Figures, validated: int, from_memory: float, preparing: float) -> Estimate:
    """The estimate for a resolved configuration whose validations look at so many images.

    `preparing` are the seconds until the first step, `from_memory` as in `Setting`.
    """
    step = config.optim.batch * per_image(figures, "training", from_memory)
    validation = validated * figures["validation"].seconds
    each, state = config.train.validations, State(total_steps=1)
    if config.steps is not None:
        steps, whole = config.steps, config.steps * step + each * validation
        concluding = state.reserve + seconds_to_conclude(validation, whole)
    else:
        assert config.minutes is not None, "steps are left open for minutes only"
        share = SHARE_OF_FOLDS / config.folds if config.folds > 1 else 1.0
        budget = Budget(max(0.0, 60 * config.minutes - preparing) * share)
        concluding = state.reserve + seconds_to_conclude(validation, budget.seconds)
        state.reserve = concluding
        steps = budget.first_estimate(state, step, validation, each)
    return Estimate(steps, config.folds, preparing, steps * step, each * validation, concluding)
