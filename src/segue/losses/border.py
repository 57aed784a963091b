"""The one check every loss makes of what it is given."""

from __future__ import annotations

from torch import Tensor

from segue.errors import UsageError


def same_pixels(logits: Tensor, labels: Tensor) -> None:
    """Raise `UsageError` unless `labels` holds one whole number for every pixel of `logits`.

    Without it, broadcasting turns mismatched shapes into a number that looks like a loss.
    """
    expected = (logits.shape[0], *logits.shape[2:]) if logits.ndim > 2 else None
    if expected is None or tuple(labels.shape) != expected:
        raise UsageError(
            f"expected logits (batch, classes, *space) and labels (batch, *space) of the same pixels, "
            f"got {tuple(logits.shape)} and {tuple(labels.shape)}: resize one of them or drop the channel of the labels"
        )
    if labels.is_floating_point() or labels.is_complex():
        raise UsageError(
            f"expected labels that are class ids (whole numbers), got {labels.dtype}: convert with .long()"
        )
