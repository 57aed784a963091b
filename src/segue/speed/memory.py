"""The most memory that was held at once."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_memory() -> int | None:
    """Bytes that this process held at most since it began; None where the system does not tell."""
    with contextlib.suppress(OSError, StopIteration, ValueError):
        # getrusage of Linux also counts what the process that started this one held
        lines = STATUS.read_text(encoding="ascii").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    if sys.platform == "win32":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def peak_device_memory(device: str) -> int | None:
    """Bytes of an accelerator that tensors took at most since the process began; None of another device than CUDA."""
    if device != "cuda":
        return None
    import torch  # here, since what measures a program without torch asks this file, too

    return torch.cuda.max_memory_allocated()
