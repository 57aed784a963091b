"""Lovász hinge loss: the Jaccard index on margins instead of probabilities (https://arxiv.org/abs/1512.07797)."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from segue.losses.border import same_pixels
from segue.losses.lovasz import lovasz_extension, present_classes


def lovasz_hinge(
    logits: Float[Tensor, "batch classes *space"],
    labels: Int[Tensor, " batch *space"],
    *,
    ignore: int = 255,
) -> Float[Tensor, ""]:
    """Lovász extension of one minus IoU at the hinge errors max(0, 1 - m), averaged over the classes present.

    The margin m of a class is its logit where the pixel belongs to the class and minus its logit elsewhere: each class
    against the rest. The paper has one foreground. 0 as soon as all margins reach 1, so probabilities are not
    calibrated. When to use it: one object against background beside a cross entropy; otherwise `lovasz`.
    """
    same_pixels(logits, labels)
    scores = logits.float()
    losses = []
    for c in present_classes(labels, ignore):
        own, score = labels == c, scores[:, c]
        losses.append(lovasz_extension((1 - torch.where(own, score, -score)).relu(), own, labels != ignore))
    return torch.stack(losses).mean() if losses else 0.0 * scores.sum()
