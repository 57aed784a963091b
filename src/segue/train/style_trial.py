"""How long a step takes, found out by a few that leave no trace."""

from __future__ import annotations

import time

from segue.errors import TrainingStoppedError
from segue.train.ema import tensors_of
from segue.train.step import out_of_memory
from segue.train.style_loop import StyleLoop, StyleState, training_step

TRIALS = 3  # steps after a first one, which takes longer


def seconds_per_step(loop: StyleLoop) -> float:
    """Seconds of one step, reading its crops included; what the steps change is put back.

    Raises:
        TrainingStoppedError: memory is too small, or a loss or gradient is no number.
    """
    touched = [*tensors_of(loop.model), *tensors_of(loop.average)]
    before, state = [tensor.clone() for tensor in touched], loop.state
    loop.state = StyleState(TRIALS + 1)
    times = [time.perf_counter()]
    try:
        for step in range(TRIALS + 1):
            training_step(loop, loop.data.at(step).on(loop.device))
            loop.state.advance()
            times.append(time.perf_counter())
    except TrainingStoppedError as error:  # which speaks of a state that nobody has saved yet
        first = str(error).partition(": ")[0]
        raise TrainingStoppedError(f"{first}, before anything was written: lower --lr or --style-weight") from None
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        raise TrainingStoppedError(
            "out of memory in a first step, before anything was written: use a smaller --batch or --size"
        ) from None
    for tensor, old in zip(touched, before, strict=True):
        tensor.copy_(old)
    loop.optimizer.state.clear()
    loop.optimizer.zero_grad(set_to_none=True)
    loop.state = state
    return (times[-1] - times[1]) / TRIALS
