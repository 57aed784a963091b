"""Batch normalisation that survives a batch with a single value per channel."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class SingleValueBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm that falls back to its running statistics when there is one value per channel.

    Maps pooled to one pixel (ASPP, pyramid pooling, attention gates) have one value per image, so a batch of one has
    nothing to take statistics from and torch refuses it. In every other case this is torch's layer: weights of
    published networks fit, and larger batches compute what they always did.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalise; without batch statistics when they would come from one value."""
        if self.training and input.numel() == input.shape[1]:
            return functional.batch_norm(
                input, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
            )
        return super().forward(input)


def accept_single_values(module: nn.Module) -> None:
    """Turn a `BatchNorm2d` into a `SingleValueBatchNorm2d` in place, for `Module.apply`; its tensors stay."""
    if type(module) is nn.BatchNorm2d:
        module.__class__ = SingleValueBatchNorm2d
