"""What this machine can do: its memory, and how many images a second the default network trains on."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional

from segue.configs import FitConfig
from segue.models.build import ModelSpec, build
from segue.train.float32_islands import keep_depthwise_strides_in_float32
from segue.train.machine import make_fabric, make_scaler

BATCH, REPEATS = 4, 3
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # what a container may take


@dataclass(frozen=True)
class Machine:
    """Device, number format, threads and memory (gigabytes; of the accelerator where there is one), and the speed.

    `images_per_second` are training images of `size` (height, width) through `network`: forward and backward, in
    batches of four, without reading and augmenting them. This number alone differs from one time to the next.
    """

    device: str
    precision: str
    threads: int
    memory_gb: float
    network: str
    size: tuple[int, int]
    images_per_second: float


def measure_machine(config: FitConfig, channels: int, classes: int) -> Machine:
    """Measure the machine with the network of a resolved configuration, random weights in it."""
    assert config.data.size is not None, "resolve() fills the size"
    device, precision = config.train.device, config.train.precision
    return Machine(
        device=device,
        precision=precision,
        threads=torch.get_num_threads(),
        memory_gb=round(total_memory(device) / 1e9, 1),
        network=f"{config.model.encoder} + {config.model.decoder}",
        size=config.data.size,
        images_per_second=round(_speed(config, channels, classes), 2),
    )


def _speed(config: FitConfig, channels: int, classes: int) -> float:
    device, size = config.train.device, config.data.size
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build(ModelSpec(config.model.encoder, config.model.decoder, channels, classes))
        images, labels = (
            torch.randn(BATCH, channels, *(size or ())),
            torch.zeros(BATCH, *(size or ()), dtype=torch.long),
        )
    if (device, config.train.precision) == ("cpu", "bf16"):
        keep_depthwise_strides_in_float32(model)
    fabric = make_fabric(device, config.train.precision, make_scaler(config.train.precision))
    wrapped = fabric.setup_module(model.to(memory_format=torch.channels_last))
    images, labels = images.to(fabric.device, memory_format=torch.channels_last), labels.to(fabric.device)
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        fabric.backward(functional.cross_entropy(wrapped(images).float(), labels))
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return BATCH / min(times[1:])


def total_memory(device: str) -> int:
    """Bytes of the accelerator, else of the machine, or what a container is allowed of it."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[1])
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    for path in LIMITS:
        with contextlib.suppress(OSError, ValueError):  # no container, or no limit ("max")
            total = min(total, int(Path(path).read_text()))
    return total
