"""Cross entropy of the hard pixels only: online hard example mining (https://arxiv.org/abs/1604.03540), per pixel."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from segue.losses.border import same_pixels
from segue.losses.parameters import Between
from segue.losses.pixelwise import mean_over_labelled


def ohem(
    logits: Float[Tensor, "batch classes *space"],
    labels: Int[Tensor, " batch *space"],
    *,
    ignore: int = 255,
    weights: Float[Tensor, " classes"] | None = None,
    threshold: Annotated[float, Between(0.01, 1)] = 0.7,
    min_kept: Annotated[float, Between(0, 1)] = 1 / 16,
) -> Float[Tensor, ""]:
    """Cross entropy averaged over the pixels whose true class has a probability below `threshold`.

    At least the share `min_kept` of the labelled pixels stays, the hardest ones. Published code counts pixels instead,
    such as 100 000 per batch, which ties the loss to one crop and batch size. `weights` weigh the kept pixels by their
    true class; which ones are kept does not depend on them. When to use it: large scenes in which most pixels are easy
    (streets, tissue), as real-time networks are trained; not with noisy labels, which are the hardest pixels.
    """
    same_pixels(logits, labels)
    labels = labels.long()
    losses = functional.cross_entropy(logits.float(), labels, ignore_index=ignore, reduction="none")
    hard = _hard(losses.detach(), labels != ignore, -math.log(threshold), min_kept)
    return mean_over_labelled(losses, labels.masked_fill(~hard, ignore), ignore, weights)


def _hard(
    losses: Float[Tensor, " batch *space"], labelled: Bool[Tensor, " batch *space"], limit: float, share: float
) -> Bool[Tensor, " batch *space"]:
    """The labelled pixels whose loss is above `limit`, or the hardest `share` of them where that is more."""
    values = losses[labelled]
    least = math.ceil(share * len(values))
    hard = labelled & (losses > limit)
    if least == 0 or int(hard.sum()) >= least:
        return hard
    smallest_kept = torch.kthvalue(values, len(values) - least + 1).values
    return labelled & (losses >= smallest_kept)
