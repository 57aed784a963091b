"""What a training step of a style network is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class StyleBatch:
    """Crops of photos, and what style each shall have; all from 0 to 1, on the device that computes.

    `style` are crops of style pictures, for networks that are shown them; `index` are the rows of the styles, for
    networks that learn a few.
    """

    content: Float[Tensor, "batch 3 height width"]
    style: Float[Tensor, "batch 3 rows columns"] | None = None
    index: Int[Tensor, " batch"] | None = None

    def on(self, device: torch.device) -> StyleBatch:
        """The same on a device."""
        moved = (None if one is None else one.to(device, non_blocking=True) for one in (self.style, self.index))
        return StyleBatch(self.content.to(device, non_blocking=True), *moved)


# (network, batch) -> the weighted terms, which the loop adds up and logs by name; the network is a `StyleNetwork`
StyleObjective = Callable[[Any, StyleBatch], dict[str, Tensor]]
