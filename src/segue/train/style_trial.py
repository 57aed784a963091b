"""How long a step takes, found out by a few that leave no trace."""

from __future__ import annotations

import time

from segue.train.ema import tensors_of
from segue.train.style_loop import StyleLoop, StyleState, training_step

TRIALS = 3  # steps after a first one, which takes longer


def seconds_per_step(loop: StyleLoop) -> float:
    """Seconds of one step, reading its crops included; what the steps change is put back."""
    touched = [*tensors_of(loop.model), *tensors_of(loop.average)]
    before, state = [tensor.clone() for tensor in touched], loop.state
    loop.state = StyleState(TRIALS + 1)
    times = [time.perf_counter()]
    for step in range(TRIALS + 1):
        training_step(loop, loop.data.at(step).on(loop.device))
        loop.state.advance()
        times.append(time.perf_counter())
    for tensor, old in zip(touched, before, strict=True):
        tensor.copy_(old)
    loop.optimizer.state.clear()
    loop.optimizer.zero_grad(set_to_none=True)
    loop.state = state
    return (times[-1] - times[1]) / TRIALS
