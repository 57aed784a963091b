"""Whether what a mask protects was left as it was, to the bit."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, UInt8


def largest_change(
    result: UInt8[np.ndarray, "height width 3"],
    content: UInt8[np.ndarray, "height width 3"],
    kept: Bool[np.ndarray, "height width"],
) -> float:
    """The largest difference of a channel, in levels of 0 to 255, where `kept`; NaN where nothing is."""
    if not kept.any():
        return float("nan")
    return float(np.abs(result[kept].astype(np.int16) - content[kept].astype(np.int16)).max())
