"""Boundary loss: wrong probability counts by its distance to the true contour (https://arxiv.org/abs/1812.07032)."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from segue.losses.across import Total, alone
from segue.losses.border import same_pixels


def boundary(
    logits: Float[Tensor, "batch classes *space"],
    labels: Int[Tensor, " batch *space"],
    *,
    ignore: int = 255,
    spacing: tuple[float, ...] | None = None,
    total: Total = alone,
) -> Float[Tensor, ""]:
    """Mean over labelled pixels and classes of |phi| |p - y|, phi being the signed distance to the class in the image.

    The paper minimises the mean of phi p. This differs from it by the mean of phi y, which the network cannot change:
    the gradient is the same and a perfect prediction gives 0 instead of a negative number. Distances are in pixels, or
    in the unit of `spacing` (one pixel's extent along each axis).

    The distance maps are made from the labels on the CPU: two transforms for each image and class in it, about 6 ms
    for a class of a 240 x 320 crop. When to use it: with a small weight beside a region loss ("ce + jaccard +
    0.01*boundary"), for contours and for small objects in much background; alone it collapses to an empty prediction.
    """
    same_pixels(logits, labels)
    probabilities = logits.float().softmax(1)
    keep = labels != ignore
    known = labels.masked_fill(~keep, 0).long()
    maps = distance_maps(labels.cpu().numpy(), logits.shape[1], ignore, spacing)
    distance = torch.from_numpy(maps).to(logits.device, probabilities.dtype).abs()
    apart = (probabilities - torch.zeros_like(probabilities).scatter_(1, known.unsqueeze(1), 1)).abs()
    per_pixel = (distance * apart).mean(1)
    return total((per_pixel * keep).sum()) / total(keep.sum()).clamp(min=1)


def distance_maps(
    labels: Int[np.ndarray, " batch *space"], classes: int, ignore: int, spacing: tuple[float, ...] | None = None
) -> Float[np.ndarray, "batch classes *space"]:
    """`signed_distance` of every class in every image; ignored pixels belong to no class and are 0."""
    maps = np.zeros((len(labels), classes, *labels.shape[1:]), np.float32)
    for image, into in zip(labels, maps, strict=True):
        labelled = image != ignore
        for c in np.unique(image[labelled]):
            into[c] = signed_distance(image == c, labelled, spacing)
    return maps


def signed_distance(
    inside: Bool[np.ndarray, "*space"],
    labelled: Bool[np.ndarray, "*space"],
    spacing: tuple[float, ...] | None = None,
) -> Float[np.ndarray, "*space"]:
    """Distance to a region from outside it, minus the distance to its outermost pixels from inside it.

    0 everywhere when the region is empty or all that is labelled: there is no contour. Along an axis of the smallest
    spacing the outermost pixels of the region are 0, as in the authors' code. That code subtracts 1 inside in whatever
    unit, so with pixels of 0.3 mm the inside turns positive, the wrong sign; here it is the smallest spacing.
    """
    outside = labelled & ~inside
    if not inside.any() or not outside.any():
        return np.zeros(inside.shape)
    one = min(spacing) if spacing else 1.0
    away = distance_transform_edt(~inside, sampling=spacing)
    within = distance_transform_edt(~outside, sampling=spacing) - one
    return np.asarray(np.where(inside, -within, np.where(outside, away, 0.0)))
