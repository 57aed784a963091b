"""What the convolutions of a network would take if this machine multiplied all the time: the bound of a timing.

The rate is that of a square matrix product in the format in question, the largest of a few, on the threads that torch
has; the work is the multiply-accumulate steps of the convolutions. Neither reading nor writing memory is in it, nor
anything but convolutions, so no program gets there.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

SIDE = 2048  # 12 MB in bfloat16, 50 MB in float32 for the three matrices
TRIALS = 8
FORMATS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def rate(precision: str) -> float:
    """Multiply-accumulate steps in a second of a matrix product, the best of `TRIALS`."""
    left, right = (torch.randn(SIDE, SIDE).to(FORMATS[precision]) for _ in range(2))
    out = torch.empty_like(left)
    best = float("inf")
    for _ in range(TRIALS):
        began = time.perf_counter()
        torch.mm(left, right, out=out)
        best = min(best, time.perf_counter() - began)
    return SIDE**3 / best


def steps(network: nn.Module, run: Callable[[], object]) -> int:
    """Multiply-accumulate steps of the convolutions of `network` while `run` runs it forwards."""
    found = 0

    def count(module: nn.Module, _given: object, out: Tensor) -> None:
        nonlocal found
        assert isinstance(module, nn.Conv2d)
        found += out.numel() * module.weight[0].numel()

    hooks = [one.register_forward_hook(count) for one in network.modules() if isinstance(one, nn.Conv2d)]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return found


def share(seconds: float, work: int, precision: str) -> tuple[float, str]:
    """How much of `seconds` that bound is, and a sentence about it."""
    speed = rate(precision)
    note = f"{work / 1e9:.1f} G multiplications, {speed / 1e9:.0f} G a second in a matrix product, {precision}"
    return work / speed / seconds, note
