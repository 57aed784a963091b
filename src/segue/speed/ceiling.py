"""How much of what a machine can compute a training step makes use of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from segue.data.loader import Batch
from segue.speed.training import Trainer
from segue.speed.turns import Slice, repeated

SIDES = {"cuda": 8192}  # of the matrices; large enough that the multiplication alone counts
SIDE = 2048
FORMATS = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


@dataclass(frozen=True)
class Ceiling:
    """The speed of a large matrix product, and what a step of training reaches of it.

    `reached` and `most` are floating-point operations a second, an addition and a multiplication counting as two;
    `image` is how many of them one image takes, forward and backward.
    """

    reached: float
    most: float
    image: float

    @property
    def share(self) -> float:
        """Of the ceiling, 0 to 1."""
        return self.reached / self.most

    def line(self, precision: str) -> str:
        """The share for people."""
        return (
            f"training reaches {self.share:.1%} of the {self.most / 1e12:.3g} TFLOP/s of a large {precision} matrix "
            f"product ({self.image / 1e9:.3g} GFLOP an image, forward and backward)"
        )


def ceiling(operations: float, seconds: float, product: float, device: str) -> Ceiling:
    """From the operations of one image, its seconds in a step, and those of one product of `products`."""
    return Ceiling(operations / seconds, 2.0 * SIDES.get(device, SIDE) ** 3 / product, operations)


def operations(trainer: Trainer, batch: Batch) -> float:
    """Floating-point operations of one image in a step: convolutions, matrix products and attention, nothing else."""
    with FlopCounterMode(display=False) as counter:
        trainer.step(batch)
    return float(counter.get_total_flops()) / len(batch.ids)


def products(trainer: Trainer, precision: str) -> Slice:
    """Products of two square matrices in the number format of training, one after the other."""
    side, device = SIDES.get(trainer.device.type, SIDE), trainer.device

    def take(seconds: float) -> dict[str, float]:
        left, right = (torch.ones(side, side, dtype=FORMATS[precision], device=device) for _ in range(2))

        def work() -> int:
            torch.mm(left, right)
            return 1

        return {"product": repeated(work, seconds, trainer.now)}

    return take
