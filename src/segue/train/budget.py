"""A wall-clock budget: how many steps fit, revised while the run learns how fast it is."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from segue.train.state import State

_log = logging.getLogger("segue")


@dataclass
class Budget:
    """`seconds` for the whole run, of which `state.reserve` is kept for the final evaluation and the report."""

    seconds: float

    def left(self, state: State) -> float:
        """Seconds for steps and validations, from where the state's clock stands; none when it is over."""
        return max(0.0, self.seconds - state.reserve - state.seconds)

    def first_estimate(self, state: State, step_seconds: float, validation_seconds: float, validations: int) -> int:
        """Steps that fit into what is left of the budget, validations included; at least one."""
        return max(1, int((self.left(state) - validations * validation_seconds) / step_seconds))

    def revise(self, state: State, step_seconds: float, validation_seconds: float, left: int) -> None:
        """Fit `state.total_steps` to the time that is left, `left` validations included."""
        room = self.seconds - state.reserve - state.seconds - left * validation_seconds
        total = state.step + max(1, int(room / step_seconds))
        if room <= 0:
            total = state.step
        if total != state.total_steps:
            _log.info("the time that is left allows %d steps in all (was %d)", total, state.total_steps)
            state.total_steps = total
