"""The learning-rate range test: one training step at each of many rising rates (https://arxiv.org/abs/1506.01186).

Two rates are read off the smoothed losses. *Steepest* is where the loss falls fastest per factor of the rate, as Smith
reads his plots and fastai's `steep` suggests. *Safe* is a tenth of the rate at which training falls apart; Smith takes
the rate itself as the upper end, which is what a schedule with a long warm-up stands and others do not.

Deviations: the losses are smoothed with a window centred on each step, so the curve does not lag behind the rate as an
exponential average does, and the step before which a rate counts as falling apart is where half of the gain is lost.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segue.configs import chosen
from segue.data.loader import Batch
from segue.train.state import State
from segue.train.step import Engine, NonFiniteError, training_step

AWAKE = 0.96  # progress of a run at which every part trains that ever does
WINDOW = 0.03  # standard deviation of the smoothing window, in shares of the steps
HOPELESS = 4.0  # the test ends when the mean loss is this many times the lowest so far, as fastai ends its
FEW = 5  # steps of that mean
GAIN = 0.02  # share of the first loss that training has to win before anything can be read off


@dataclass(frozen=True)
class Curve:
    """The rates of the decoder that were tried, and the loss of each step.

    `ended` is the rate at which the test broke off because training fell apart; None when all rates were tried.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    ended: float | None = None


@dataclass(frozen=True)
class Suggestion:
    """What a curve says: the rate of steepest descent, a tenth of the rate that is too high, and the lower of the two.

    All are None when the loss never fell; `diverged` is None as well when no rate was too high.
    """

    steepest: float | None
    safe: float | None
    diverged: float | None

    @property
    def lr(self) -> float | None:
        """The rate to train with."""
        return None if self.steepest is None or self.safe is None else min(self.steepest, self.safe)


def range_test(
    engine: Engine, stream: Iterator[Batch], rates: Sequence[float], update: Callable[[float, str], None]
) -> Curve:
    """Train the engine's network with one step at each of `rates` for the decoder, on the batches of `stream`.

    All parts of the network train that ever would, each at its share of the rate. The network is used up by this: give
    one that nobody needs afterwards.
    """
    optim = dataclasses.replace(chosen(engine.optim, "schedule", "constant"), warmup=0.0)
    engine = dataclasses.replace(engine, optim=optim)
    shares = [group["peak"] / engine.optim.lr for group in engine.optimizer.param_groups]
    losses: list[float] = []
    lowest_mean = math.inf
    for step, rate in enumerate(rates):
        for group, share in zip(engine.optimizer.param_groups, shares, strict=True):
            group["peak"] = rate * share
        try:
            terms = training_step(engine, next(stream), State(total_steps=len(rates), step=step, progress=AWAKE))
        except NonFiniteError:
            return Curve(tuple(rates[:step]), tuple(losses), ended=rate)
        losses.append(sum(terms.values()))
        update((step + 1) / len(rates), f"rate {rate:.1e} · loss {losses[-1]:.3f}")
        mean = statistics.fmean(losses[-FEW:])
        lowest_mean = min(lowest_mean, mean)
        if mean > HOPELESS * lowest_mean:
            return Curve(tuple(rates[: step + 1]), tuple(losses), ended=rate)
    return Curve(tuple(rates), tuple(losses))


def smoothed(losses: Sequence[float], steps: int) -> NDArray[np.float64]:
    """Every loss averaged with its neighbours before and behind, weighted by a bell of width `WINDOW * steps`."""
    values = np.asarray(losses, dtype=np.float64)
    width = max(0.5, WINDOW * steps)
    reach = math.ceil(4 * width)
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    inside = slice(reach, reach + len(values))
    mean: NDArray[np.float64] = np.convolve(values, bell)[inside] / np.convolve(np.ones_like(values), bell)[inside]
    return mean


def suggest(curve: Curve, steps: int) -> Suggestion:
    """Read the rates off a curve of a test of `steps` steps."""
    if len(curve.losses) < 3:
        return Suggestion(None, None, None)
    smooth = smoothed(curve.losses, steps)
    bottom = int(smooth.argmin())
    if smooth[0] - smooth[bottom] < GAIN * smooth[0]:
        return Suggestion(None, None, None)
    slopes = np.gradient(smooth, np.log(curve.rates))
    steepest = curve.rates[int(slopes[: bottom + 1].argmin())]
    half_lost = (smooth[0] + smooth[bottom]) / 2
    worse = [rate for rate, loss in zip(curve.rates[bottom:], smooth[bottom:], strict=True) if loss > half_lost]
    diverged = min([*worse[:1], *([curve.ended] if curve.ended is not None else [])], default=math.inf)
    highest = curve.rates[-1] if math.isinf(diverged) else diverged
    return Suggestion(steepest, highest / 10, None if math.isinf(diverged) else diverged)
