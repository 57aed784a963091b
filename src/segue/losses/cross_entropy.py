"""Cross entropy over the pixels that are labelled."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from segue.losses.border import same_pixels


def cross_entropy(
    logits: Float[Tensor, "batch classes *space"],
    labels: Int[Tensor, "batch *space"],
    *,
    ignore: int = 255,
) -> Float[Tensor, ""]:
    """Minus the log-probability of the true class, averaged over the labelled pixels of the whole batch.

    Torch's own mean is NaN when every pixel is ignored; this is 0. When to use it: always, mostly beside a region loss;
    alone it gives the best calibrated probabilities.
    """
    same_pixels(logits, labels)
    total = functional.cross_entropy(logits.float(), labels.long(), ignore_index=ignore, reduction="sum")
    return total / (labels != ignore).sum().clamp(min=1)
