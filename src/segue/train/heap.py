"""Keep freed memory: without this, glibc hands every activation back to the system and asks for it again each step.

Freshly mapped pages cost a fault and a clearing each; a training step on the CPU allocates gigabytes of them. Measured
on a MobileNetV2 U-Net at 240x320, batch 8: 19 % more images a second. The process keeps its peak memory until it ends.
"""

from __future__ import annotations

import ctypes
import platform

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3  # from malloc.h
_MOST = 2**31 - 1  # mallopt takes a C int


def keep_freed_memory(largest: int = _MOST) -> bool:
    """Set glibc's allocator to reuse freed memory, for the rest of the process; False where there is no glibc.

    Blocks of more than `largest` bytes go back to the system at once. Work that needs blocks of ever other sizes has to
    give one, or holes between them add up.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    settings = ((_M_MMAP_THRESHOLD, largest), (_M_TRIM_THRESHOLD, _MOST), (_M_TOP_PAD, 64 << 20))
    accepted = [bool(mallopt(name, value)) for name, value in settings]
    return all(accepted)
