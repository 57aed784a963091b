"""How much predicted and true regions share, per class: what the region losses are made of."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor

from segue.losses.across import Total, alone
from segue.losses.border import same_pixels


class Overlap(NamedTuple):
    """Soft pixel counts per class over a whole batch: predicted and true, predicted, true."""

    shared: Float[Tensor, " classes"]
    predicted: Float[Tensor, " classes"]
    true: Float[Tensor, " classes"]


def overlap(
    logits: Float[Tensor, "batch classes *space"],
    labels: Int[Tensor, " batch *space"],
    ignore: int,
    total: Total = alone,
) -> Overlap:
    """Count the overlap of softmax probabilities p and one-hot labels y over the labelled pixels.

    The shared part is that of Jaccard metric losses, (|p| + |y| - |p - y|) / 2 (https://arxiv.org/abs/2302.05666). For
    labels that are 0 or 1 it is the sum of p over the pixels of the class, and computed so: no one-hot copy.
    """
    same_pixels(logits, labels)
    classes = logits.shape[1]
    keep = labels != ignore
    known = labels.masked_fill(~keep, 0).long()
    probabilities = logits.float().softmax(1)
    weight = keep.to(probabilities.dtype)
    own = probabilities.gather(1, known.unsqueeze(1)).squeeze(1) * weight
    zeros = probabilities.new_zeros(classes)
    known = known.flatten()
    return Overlap(
        shared=total(zeros.index_add(0, known, own.flatten())),
        predicted=total((probabilities * weight.unsqueeze(1)).sum((0, *range(2, logits.ndim)))),
        true=total(zeros.index_add(0, known, weight.flatten())),
    )


def mean_over_present(losses: Float[Tensor, " classes"], true: Float[Tensor, " classes"]) -> Float[Tensor, ""]:
    """Average over the classes that have a true pixel; 0 when none has.

    A class that is absent from the batch would otherwise be pushed to zero everywhere.
    """
    present = (true > 0).to(losses.dtype)
    return (losses * present).sum() / present.sum().clamp(min=1)
