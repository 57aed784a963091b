"""Fabric, the engine under the loop, imported without what it would import and not use.

While it is imported it compares the version of torchmetrics, where that is installed, by importing it, and with that
scipy.signal and transformers: 2.6 of 6 seconds, for a class we do not use. So it finds none (and Fabric's
`SpikeDetection` cannot be used in the same process).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Fabric", "MixedPrecision"]


@contextmanager
def _hidden(package: str) -> Iterator[None]:
    """Let the import of `package` fail meanwhile, as if it were not installed, unless it has been imported before."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # what Python takes for "cannot be imported"
    try:
        yield
    finally:
        sys.modules.pop(package, None)


with _hidden("torchmetrics"):
    from lightning_fabric import Fabric
    from lightning_fabric.plugins import MixedPrecision
