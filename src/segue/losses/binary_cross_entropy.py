"""Binary cross entropy: each class against the rest, by a sigmoid of its own."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from segue.losses.across import Total, alone
from segue.losses.border import same_pixels
from segue.losses.pixelwise import mean_over_labelled


def binary_cross_entropy(
    logits: Float[Tensor, "batch classes *space"],
    labels: Int[Tensor, " batch *space"],
    *,
    ignore: int = 255,
    weights: Float[Tensor, " classes"] | None = None,
    total: Total = alone,
) -> Float[Tensor, ""]:
    """Cross entropy of "this class or not" by sigmoids, averaged over the classes and the labelled pixels.

    `weights` weigh pixels by their true class, as in `cross_entropy`. When to use it: when a class should be learnt
    without pushing the others down, as where classes are added later or look alike; otherwise `cross_entropy`, which
    for two classes is the binary cross entropy of one logit.
    """
    same_pixels(logits, labels)
    scores = logits.float()
    known = labels.masked_fill(labels == ignore, 0).long()
    target = torch.zeros_like(scores).scatter_(1, known.unsqueeze(1), 1)
    losses = functional.binary_cross_entropy_with_logits(scores, target, reduction="none").mean(1)
    return mean_over_labelled(losses, labels, ignore, weights, total)
