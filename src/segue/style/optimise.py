"""The loop: a picture is moved downhill at one size after another, coarse to fine."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from segue.errors import TrainingStoppedError
from segue.style.adam import PixelAdam
from segue.style.canvas_net import HALVED_EVERY, HALVINGS, LEARNING_RATE, CanvasNet
from segue.style.picture import resized

LEARNING_RATES = {"adam": 0.02, "lbfgs": 1.0}
HISTORY = 10  # pairs of steps and gradients L-BFGS keeps, each as large as the picture

Terms = dict[str, float]
Goal = Callable[[Tensor], dict[str, Tensor]]  # a picture's terms, which add up to what is minimised


@dataclass(frozen=True)
class Trace:
    """What happened at one size: its height and width, the steps, and the terms at the first and the last of them."""

    size: tuple[int, int]
    steps: int
    first: Terms
    last: Terms


@dataclass(frozen=True)
class State:
    """Where the loop stands after a step: level and step from 0 on, the terms before that step, the picture so far."""

    level: int
    step: int
    terms: Terms
    picture: Tensor


def paint(
    start: Float[Tensor, "1 3 _ _"],
    sizes: list[tuple[int, int]],
    objective_at: Callable[[tuple[int, int]], Goal],
    more: Callable[[int, int], bool],
    *,
    optimizer: str = "adam",
    lr: float | None = None,
    canvas: CanvasNet | None = None,
    watch: Callable[[State], None] = lambda _: None,
) -> tuple[Float[Tensor, "1 3 height width"], list[Trace]]:
    """Optimise the pixels of `start` at every one of `sizes`; the picture at the last of them, and what happened.

    Args:
        start: values from 0 to 1; resized to the first size.
        sizes: heights and widths, coarse to fine.
        objective_at: makes the objective of a size.
        more: whether there is to be a further step, told the number of the level and the steps it has had.
        optimizer: adam, whose moments are carried from size to size and whose last pictures are averaged, or lbfgs
            (https://doi.org/10.1007/BF01589116), which begins anew at each and takes full steps without a line search,
            as Gatys et al. use it.
        lr: step size; 0.02 for adam, 1 for lbfgs, 5e-4 with a canvas when None.
        canvas: a network that paints `start` anew at every step; then its weights are optimised, with Adam, not pixels.
        watch: told the state after every step.

    Raises:
        TrainingStoppedError: the loss is no longer a number.
    """
    rate = rate_of(optimizer, canvas is not None) if lr is None else lr
    advice = f"take smaller weights, a smaller --lr than {rate:g}"
    advice += ", or --optimizer adam" if optimizer == "lbfgs" else " or --precision fp32, where it is bf16"
    adam, picture, traces = PixelAdam(rate), start, []
    for number, size in enumerate(sizes):
        picture = resized(picture, size).clone()
        objective = objective_at(size)
        adam.resize(size)
        if canvas is not None:
            step = _canvas_step(canvas, resized(start, size), rate)
        else:
            step = _adam_step(adam) if optimizer == "adam" else _lbfgs_step(picture, rate)
        done = 0
        first: Terms = {}
        last: Terms = {}
        while more(number, done):
            last = step(picture, objective)
            first = first or last
            _check_finite(last, done, advice)
            done += 1
            watch(State(number, done - 1, last, picture.detach()))
        traces.append(Trace(size, done, first, last))
        picture = adam.mean if adam.mean is not None else picture.detach()
        _check_finite({"the picture": float(picture.sum())}, done, advice)  # the last step had nobody behind it
    return picture, traces


def rate_of(optimizer: str, canvas: bool) -> float:
    """The step size that `paint` takes when none is given; `canvas` is whether a network paints."""
    return LEARNING_RATE if canvas else LEARNING_RATES[optimizer]


Step = Callable[[Tensor, Goal], Terms]


def _adam_step(adam: PixelAdam) -> Step:
    def step(picture: Tensor, objective: Goal) -> Terms:
        picture.requires_grad_()
        terms = objective(picture)
        gradient = _gradient(terms, picture)
        picture.requires_grad_(False)
        adam.step(picture, gradient)
        return _numbers(terms)

    return step


def _lbfgs_step(picture: Tensor, lr: float) -> Step:
    picture.requires_grad_()
    # its own tests would stop it before we do
    optimizer = torch.optim.LBFGS([picture], lr, max_iter=1, history_size=HISTORY, tolerance_grad=0, tolerance_change=0)

    def step(picture: Tensor, objective: Goal) -> Terms:
        found: dict[str, Tensor] = {}

        def closure() -> Tensor:
            found.update(objective(picture))
            picture.grad = _gradient(found, picture)
            return torch.stack([term.detach() for term in found.values()]).sum()

        optimizer.step(closure)  # type: ignore[no-untyped-call]
        with torch.no_grad():
            picture.clamp_(0, 1)
        return _numbers(found)

    return step


def _canvas_step(canvas: CanvasNet, content: Tensor, lr: float) -> Step:
    optimizer = torch.optim.Adam(canvas.parameters(), lr)
    halved = [HALVED_EVERY * number for number in range(1, HALVINGS + 1)]
    slower = torch.optim.lr_scheduler.MultiStepLR(optimizer, halved, 0.5)

    def step(picture: Tensor, objective: Goal) -> Terms:
        optimizer.zero_grad()
        painted = canvas(content)
        terms = objective(painted)
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        slower.step()
        picture.copy_(painted.detach())
        return _numbers(terms)

    return step


def _gradient(terms: dict[str, Tensor], picture: Tensor) -> Tensor:
    """That of the loss times the number of values: what one pixel feels is then the same at every size."""
    total = torch.stack(list(terms.values())).sum() * picture.numel()
    return torch.autograd.grad(total, picture)[0].contiguous()


def _numbers(terms: dict[str, Tensor]) -> Terms:
    return dict(zip(terms, torch.stack(list(terms.values())).tolist(), strict=True))


def _check_finite(terms: Terms, step: int, advice: str) -> None:
    for name, value in terms.items():
        if not math.isfinite(value):
            raise TrainingStoppedError(f"expected finite numbers, got {value} for {name} at step {step + 1}: {advice}")
