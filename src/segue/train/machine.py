"""Where and in which number format a run computes."""

from __future__ import annotations

import platform
from typing import Any

import torch

from segue.errors import UsageError
from segue.train.fabric import Fabric, MixedPrecision


def pick_precision(precision: str, device: str) -> str:
    """Resolve "auto" to bf16 where the hardware multiplies it natively, else fp32; refuse fp16 off CUDA.

    Decided by the processor's capabilities, not by a timing, so that the same command gives the same bytes each time.
    """
    if precision == "fp16" and device != "cuda":
        raise UsageError(f"train.precision fp16: expected a CUDA device, got {device}: use bf16, or fp32")
    if precision != "auto":
        return precision
    if device == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device == "cpu" and torch.cpu._is_avx512_bf16_supported():
        return "bf16"
    return "fp32"


def make_scaler(precision: str) -> torch.amp.GradScaler | None:
    """What scales the loss in fp16, which the other formats do not need."""
    return torch.amp.GradScaler("cuda") if precision == "fp16" else None


def make_fabric(device: str, precision: str, scaler: torch.amp.GradScaler | None = None) -> Fabric:
    """The engine that moves tensors, casts the forward pass and, in fp16, scales the loss; one device.

    Of several GPUs it is the current one, which is the first unless `segue.train.processes` chose.
    """
    devices = [torch.cuda.current_device()] if device == "cuda" else 1
    if precision == "fp16":
        return Fabric(accelerator=device, devices=devices, plugins=MixedPrecision("16-mixed", device, scaler))
    return Fabric(accelerator=device, devices=devices, precision="bf16-mixed" if precision == "bf16" else "32-true")


def environment(device: str, precision: str, processes: int = 1) -> dict[str, Any]:
    """What the bytes of a result depend on besides configuration and data, for `environment.json`."""
    import segue

    name = torch.cuda.get_device_name() if device == "cuda" else platform.processor() or platform.machine()
    return {
        "segue": segue.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": device,
        "device_name": name,
        "precision": precision,
        "threads": torch.get_num_threads(),
        **({"processes": processes} if processes > 1 else {}),
    }


# resuming is exact only where these agree
BINDING = ("segue", "torch", "device", "precision", "threads", "processes", "styles")


def differences(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What changed since a run started, of the things that decide its bytes.

    >>> differences({"threads": 2}, {"threads": 4})
    ['threads: 2 then, 4 now']
    """
    then, now = {"processes": 1, **then}, {"processes": 1, **now}
    return [f"{key}: {then.get(key)} then, {now.get(key)} now" for key in BINDING if then.get(key) != now.get(key)]
