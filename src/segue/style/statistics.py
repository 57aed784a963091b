"""What of a feature map is its style: statistics over all positions, or over those of each region.

Every statistic is a mean over positions, so it does not depend on the size of the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

Statistic = Callable[[Tensor, Tensor | None], Tensor]
SMALLEST_VARIANCE = 1e-8  # under the root: its slope at nothing is infinite


def gram(
    features: Float[Tensor, "1 channels height width"], regions: Float[Tensor, "regions height width"] | None = None
) -> Float[Tensor, "groups channels channels"]:
    """Gram matrices F Fᵀ / M of features F (channels x M positions), in float32 (https://arxiv.org/abs/1508.06576).

    The paper's own is F Fᵀ, and 1 / M stands in its loss, where content and style have the same M; here it stands in
    front, so that the pictures may differ in size. A region weighs positions: F diag(w) Fᵀ with weights w that add up
    to one, as "guided Gram matrices" do (https://arxiv.org/abs/1611.07865, whose guides are squared there).
    """
    rows = features.permute(0, 2, 3, 1).flatten(1, 2)[0]  # positions x channels, as they lie in channels-last memory
    found: Tensor = _Gram.apply(rows, None if regions is None else shares(regions))
    return found


class _Gram(torch.autograd.Function):
    """Rows X to Xᵀ diag(w) X for each w. Its gradient is X diag(w) (D + Dᵀ), one product where autograd makes two.

    What comes out is exact to float32, since losses are small differences of it; gradients are in the format of the
    features, as those of the layers below are.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weights: Tensor | None) -> Tensor:  # noqa: ANN401 - torch's own
        ctx.save_for_backward(rows, weights)
        wide = widened(rows)
        if weights is None:
            return (wide.T @ wide / rows.shape[0])[None]
        return torch.stack([(wide * one[:, None]).T @ wide for one in weights.to(wide.dtype)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradients: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401 - torch's own
        rows, weights = ctx.saved_tensors
        both = gradients + gradients.transpose(1, 2)
        if weights is None:
            return rows @ (both[0] / rows.shape[0]).to(rows.dtype), None
        found = torch.zeros_like(rows)
        for one, symmetric in zip(weights.to(rows.dtype), both.to(rows.dtype), strict=True):
            found.addcmul_(rows @ symmetric, one[:, None])
        return found, None


def moments(
    features: Float[Tensor, "1 channels height width"], regions: Float[Tensor, "regions height width"] | None = None
) -> Float[Tensor, "groups 2 channels"]:
    """Mean and standard deviation of every channel, in float32 (https://arxiv.org/abs/1701.01036)."""
    flat = widened(features.flatten(2)[0])
    if regions is None:
        weights = flat.new_full((1, flat.shape[1]), 1 / flat.shape[1])
    else:
        weights = shares(regions).to(flat.dtype)
    mean = weights @ flat.T
    variance = weights @ (flat * flat).T - mean * mean
    return torch.stack([mean, variance.clamp_min(SMALLEST_VARIANCE).sqrt()], 1)


def widened(values: Tensor) -> Tensor:
    """Half precision as float32; float32 and double as they are."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values


def shares(regions: Float[Tensor, "regions height width"]) -> Float[Tensor, "regions positions"]:
    """The weights of each region's positions, which add up to one."""
    flat = regions.flatten(1)
    return flat / flat.sum(1, keepdim=True)


STATISTICS: dict[str, Statistic] = {"gram": gram, "moments": moments}
