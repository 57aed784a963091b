"""The work of an evaluation: every method paints every pair, every picture is judged, and the clock is watched."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from segue.console import duration
from segue.infer.device import exact_arithmetic
from segue.style.evaluation.methods import Method
from segue.style.evaluation.naming import Pair
from segue.style.evaluation.panel import Panel
from segue.style.evaluation.stability import instability, noisy, warped
from segue.style.picture import eight_bits

Pixels = UInt8[np.ndarray, "height width 3"]
Scores = dict[str, float]
JUDGING = 5.0  # work of judging a picture, in the units of `Method.work`


@dataclass
class Progress:
    """Moves a bar by work done out of a `total`, and says how long it still takes; `step` is about what one does."""

    total: float
    update: Callable[[float, str], None]
    began: float = field(default_factory=time.perf_counter)
    done: float = 0.0
    step: str = ""

    def within(self, work: float) -> None:
        """Show `work` more than is done."""
        share = min(1.0, (self.done + work) / self.total)
        spent = time.perf_counter() - self.began
        about = f", {duration(spent / share - spent)} left" if share > 0 else ""
        self.update(share, f"{self.step}{about}")

    def add(self, work: float) -> None:
        """Count `work` as done."""
        self.done += work
        self.within(0.0)


@dataclass(frozen=True)
class Task:
    """One method on some pairs, of which it paints `twice` again after a small warp."""

    method: Method
    pairs: Sequence[Pair]
    twice: frozenset[Pair]
    seed: int

    @property
    def work(self) -> float:
        """All of it, in the units of `Method.work`."""
        return len(self.pairs) * (self.method.work + JUDGING) + len(self.twice) * self.method.work


def painted_and_judged(
    task: Task, panel: Panel, progress: Progress, show: Callable[[Pair, Pixels], None]
) -> dict[Pair, Scores]:
    """Scores of every pair, seconds and, for some, instability among them; `show` gets each picture as it is saved."""
    found: dict[Pair, Scores] = {}
    for number, pair in enumerate(task.pairs, 1):
        progress.step = f"{task.method.name}, {number} of {len(task.pairs)}"
        content, began = panel.contents[pair[0]], time.perf_counter()
        pixels = _painted(task.method, content, panel.styles[pair[1]], pair[1], progress)
        seconds = time.perf_counter() - began
        show(pair, pixels)
        picture = as_picture(pixels, content)
        found[pair] = judged(panel, pair, picture, progress) | {"seconds": seconds}
        if pair in task.twice:
            moved = noisy(warped(content), _seed_of(task.seed, pair[0]))
            again = as_picture(_painted(task.method, moved, panel.styles[pair[1]], pair[1], progress), content)
            found[pair]["instability"] = instability(content, moved, picture, again)
    return found


def judged(panel: Panel, pair: Pair, picture: Tensor, progress: Progress) -> Scores:
    """What the panel says of a picture."""
    with exact_arithmetic():
        scores = panel.scores(pair, picture)
    progress.add(JUDGING)
    return scores


def as_picture(pixels: Pixels, like: Tensor) -> Tensor:
    """What was or will be saved, as a tensor beside another: what is judged is what a file holds."""
    return (torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255).to(like)


def _painted(method: Method, content: Tensor, style: Tensor, name: str, progress: Progress) -> Pixels:
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        pixels = eight_bits(method.paint(content, style, name, lambda share: progress.within(share * method.work)))
    progress.add(method.work)
    return pixels


def _seed_of(seed: int, content: str) -> int:
    """The same for the same content, whatever else is judged."""
    return int.from_bytes(hashlib.sha256(f"{seed} {content}".encode()).digest()[:4], "big")
