"""Where to compute, and with which arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from segue.errors import UsageError


def pick_device(name: str) -> torch.device:
    """The device called `auto`, `cpu`, `cuda` or `mps`; `auto` takes the first of cuda, mps and cpu that is there."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, usable in there.items() if usable))
    if not there.get(name.partition(":")[0], False):
        usable = ", ".join(kind for kind, usable in there.items() if usable)
        raise UsageError(f"device: expected one that this machine has ({usable}), got {name}")
    return torch.device(name)


@contextmanager
def exact_arithmetic() -> Iterator[None]:
    """No gradients, and true float32 convolutions, the same ones each time (cuDNN rounds to TF32 when left alone)."""
    with (
        torch.inference_mode(),
        torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
    ):
        yield
