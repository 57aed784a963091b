"""WiSE-FT: weights between those before and after fine-tuning (https://arxiv.org/abs/2109.01903).

The straight line from a network whose decoder alone was trained to the fine-tuned one often passes through weights
that do better than either end, most so on pictures unlike those of the training.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def interpolate(first: Mapping[str, Tensor], last: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """`(1 - share) * first + share * last` for all floating-point tensors; other ones are those of `last`.

    The ends are exact: a share of 0 gives the bits of `first`, 1 those of `last`; and so are tensors that are equal at
    both ends.
    """
    if share in (0.0, 1.0):
        return {name: tensor.clone() for name, tensor in (last if share else first).items()}
    return {
        name: torch.lerp(first[name], tensor, share) if tensor.is_floating_point() else tensor.clone()
        for name, tensor in last.items()
    }
