"""Adam (https://arxiv.org/abs/1412.6980) on one picture, whose moments go along when the picture is resized."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

BETAS = (0.9, 0.99)  # a shorter memory of the second moment than usual: some hundred steps are all there is
EPSILON = 1e-8
AVERAGED = 0.9  # share of the mean of the pictures so far that the next one leaves: about ten of them count


class PixelAdam:
    """The state of Adam for one picture; `step` moves the picture in place and keeps it within 0 to 1.

    `mean` is the moving average of the pictures at this size (Polyak's, https://doi.org/10.1137/0330046): steps of
    constant length end in a grain that differs from step to step, and the average does not have it.
    """

    def __init__(self, lr: float) -> None:
        self.lr = lr
        self.steps = 0
        self.first: Tensor | None = None
        self.second: Tensor | None = None
        self.mean: Tensor | None = None
        self._averaged = 0

    def step(self, picture: Float[Tensor, "1 3 height width"], gradient: Float[Tensor, "1 3 height width"]) -> None:
        """One step against `gradient`."""
        if self.first is None or self.second is None:
            self.first, self.second = torch.zeros_like(picture), torch.zeros_like(picture)
        self.steps += 1
        self.first.lerp_(gradient, 1 - BETAS[0])
        self.second.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        root = (self.second / (1 - BETAS[1] ** self.steps)).sqrt_().add_(EPSILON)
        picture.addcdiv_(self.first, root, value=-self.lr / (1 - BETAS[0] ** self.steps)).clamp_(0, 1)
        self._averaged += 1
        weight = max(1 - AVERAGED, 1 / self._averaged)  # the first ones count alike
        self.mean = picture.clone() if self.mean is None else self.mean.lerp_(picture, weight)

    def resize(self, size: tuple[int, int]) -> None:
        """Take the moments to another size, so that the next step continues where this size stopped.

        Linear, since anything with overshoot would make second moments negative. Gradients have to be those of a loss
        that grows with the number of pixels; those of a mean would be smaller at the larger size.
        """
        self.mean, self._averaged = None, 0
        if self.first is not None and self.second is not None:
            self.first = functional.interpolate(self.first, size, mode="bilinear")
            self.second = functional.interpolate(self.second, size, mode="bilinear")
