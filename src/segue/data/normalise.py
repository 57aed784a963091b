"""Pixels to the tensor the network takes."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from segue.data.geometry import Preprocessing


def normalise(image: NDArray[np.generic], prep: Preprocessing) -> Float[Tensor, "channels height width"]:
    """Turn (H, W, C) pixels on the 0-255 scale into float32 with the mean removed, divided by the deviation."""
    pixels = torch.from_numpy(np.array(image, dtype=np.float32))  # a copy: decoded arrays may be read-only
    mean = torch.tensor(prep.mean) * 255.0
    std = torch.tensor(prep.std) * 255.0
    return ((pixels - mean) / std).permute(2, 0, 1).contiguous()
