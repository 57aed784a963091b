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
from segue.train.validation_share import by_seconds, by_steps

# seconds that hardly depend on the data, from seven fits of the default network (docs/reference/bench.md)
RECORDING = 0.5  # resume point, record and chart of one validation
REPORTING = 1.0  # charts and pages of the report


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


def estimate(
    config: FitConfig, figures: Figures, images: int, zoom: float, from_memory: float, preparing: float
) -> Estimate:
    """The estimate for a resolved configuration and so many validation images, seen at `zoom` times a crop's side.

    `preparing` are the seconds until the first step, `from_memory` as in `Setting`.
    """
    batch, times = config.optim.batch, config.train.validations
    step = batch * per_image(figures, "training", from_memory)
    each, state = figures["validation"].seconds, State(total_steps=1)
    if config.steps is not None:
        steps, validating = config.steps, by_steps(config.steps * batch, zoom, images, times)
        validations = validating.times * validating.images * each
        concluding = REPORTING + seconds_to_conclude(images * each, steps * step + validations)
    else:
        assert config.minutes is not None, "steps are left open for minutes only"
        share = SHARE_OF_FOLDS / config.folds if config.folds > 1 else 1.0
        budget = Budget(max(0.0, 60 * config.minutes - preparing) * share)
        concluding = state.reserve + seconds_to_conclude(images * each, budget.seconds)
        state.reserve = concluding
        validating = by_seconds(budget.left(state), each, images, times)
        steps = budget.first_estimate(state, step, validating.images * each, validating.times)
        validations = validating.times * validating.images * each
        # the records are made in the time that is kept, too
        concluding = max(0.0, concluding - validating.times * RECORDING)
    validations += validating.times * RECORDING
    return Estimate(steps, config.folds, preparing, steps * step, validations, concluding)
