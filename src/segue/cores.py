"""How many processor cores this process may use: those of the machine, less what a scheduler or container keeps."""

from __future__ import annotations

import math
import os
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def usable_cores(membership: Path = MEMBERSHIP, cgroups: Path = CGROUPS) -> int:
    """Cores that the affinity mask (`taskset`, SLURM) and a quota (`docker --cpus`) leave, rounded up; at least 1.

    A quota is what Linux control groups say (`cpu.max`, https://docs.kernel.org/admin-guide/cgroup-v2.html; before,
    `cpu.cfs_quota_us`, https://docs.kernel.org/scheduler/sched-bwc.html); macOS and Windows know neither, and every
    core counts there.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [quota for folder in _groups(membership, cgroups) if (quota := _quota(folder)) is not None]
    return max(1, min([allowed, *map(math.ceil, quotas)]))


def _groups(membership: Path, cgroups: Path) -> list[Path]:
    """The folders that limit this process: its own group and those above it, as far as they can be seen."""
    try:
        lines = membership.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []  # no Linux
    folders = []
    for line in lines:  # NUMBER:CONTROLLERS:PATH, and 0::PATH for version 2
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = cgroups / controllers if controllers else cgroups
        if not root.is_dir():
            root = cgroups / "cpu"  # mounted as cpu,cpuacct, though named cpuacct,cpu
        inside = path.strip("/")
        # inside a container the path may be the host's, and the root folder the container's own
        folders += [root / inside, *(root / inside).parents[: len(Path(inside).parts)]]
    return folders


def _quota(folder: Path) -> float | None:
    """Cores that a control group allows in the mean; None where it sets no bound."""
    try:
        if (modern := folder / "cpu.max").is_file():
            quota, period = modern.read_text(encoding="utf-8").split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text(encoding="utf-8").strip()
            period = (folder / "cpu.cfs_period_us").read_text(encoding="utf-8").strip()
        return None if quota in ("max", "-1") else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None  # files of an emulated system may hold anything
