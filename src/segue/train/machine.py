"""Where and in which number format a run computes."""

from __future__ import annotations

import platform
from typing import Any

import torch
from lightning.fabric import Fabric


def pick_precision(precision: str, device: str) -> str:
    """Resolve "auto" to bf16 where the hardware multiplies it natively, else fp32.

    Decided by the processor's capabilities, not by a timing, so that the same command gives the same bytes each time.
    """
    if precision != "auto":
        return precision
    if device == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device == "cpu" and torch.cpu._is_avx512_bf16_supported():
        return "bf16"
    return "fp32"


def make_fabric(device: str, precision: str) -> Fabric:
    """The engine that moves tensors and casts the forward pass; one device."""
    return Fabric(accelerator=device, devices=1, precision="bf16-mixed" if precision == "bf16" else "32-true")


def environment(device: str, precision: str) -> dict[str, Any]:
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
    }


BINDING = ("segue", "torch", "device", "precision", "threads")  # resuming is exact only where these agree


def differences(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What changed since a run started, of the things that decide its bytes.

    >>> differences({"threads": 2}, {"threads": 4})
    ['threads: 2 then, 4 now']
    """
    return [f"{key}: {then.get(key)} then, {now.get(key)} now" for key in BINDING if then.get(key) != now.get(key)]
