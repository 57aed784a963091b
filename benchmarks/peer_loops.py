"""What Segue is put beside: three loops that people write today, each trained for a number of seconds.

All get the same MobileNetV2 weights, images and masks, crops of 240x320 and batches of 8, and are scored alike. Their
clock runs while they train, and at no other time: not while they import, read, build or are scored. What each is:

- `smp`: the usual segmentation_models_pytorch loop, as in its notebooks: U-Net, Adam 2e-4 with cosine decay, Dice.
- `torchvision`: the training script of its references: DeepLabV3, SGD 0.01 with polynomial decay, cross entropy.
- `fastai` (fastai_loop.py): `unet_learner` and `fine_tune`, as in its documentation: one-cycle, discriminative rates.

In their favour: images stay decoded in memory, the networks of the first two run channels-last, every loop's
schedule is stretched to the seconds it gets, and of its scores on the way the best one counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import segmentation_models_pytorch as smp
import smp_loop
import timm
import torch
from PIL import Image
from smp_loop import CLASSES, SIZE, VOID, Pair
from torch import Tensor, nn

BATCH = 8
Score = Callable[[nn.Module], float]
Mark = dict[str, float]


class Clock:
    """Seconds of training; `score` is called, with the clock stopped, after every share of them that is in `marks`."""

    def __init__(self, seconds: float, marks: Sequence[float], score: Score) -> None:
        self.seconds, self.marks, self.score = seconds, list(marks), score
        self.spent = 0.0
        self.steps = 0
        self.found: list[Mark] = []
        self._since = 0.0

    def start(self) -> None:
        self._since = time.perf_counter()

    def stop(self) -> None:
        self.spent += time.perf_counter() - self._since

    @property
    def progress(self) -> float:
        return self.spent / self.seconds

    def look(self, model: nn.Module) -> None:
        """Score when a mark has been passed."""
        if self.marks and self.progress >= self.marks[0]:
            while self.marks and self.progress >= self.marks[0]:
                self.marks.pop(0)
            miou = self.score(model.eval())
            model.train()
            self.found.append({"seconds": round(self.spent, 1), "steps": self.steps, "miou": round(miou, 4)})


def train(step: Callable[[float], None], model: nn.Module, clock: Clock) -> list[Mark]:
    """Do steps until the clock has run down; each is told the progress, 0 to 1."""
    model.train()
    while clock.progress < 1:
        progress = clock.progress
        clock.start()
        step(progress)
        clock.stop()
        clock.steps += 1
        clock.look(model)
    return clock.found


def shuffled(count: int, generator: np.random.Generator) -> Iterator[int]:
    """Every index once, then again in another order, without end."""
    while True:
        yield from generator.permutation(count).tolist()


def smp_notebook(pairs: list[Pair], weights: Path, seed: int, clock: Clock) -> list[Mark]:
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    model = smp.Unet("tu-mobilenetv2_100", encoder_weights=None, classes=CLASSES).to(memory_format=torch.channels_last)
    load(model.encoder.model, weights)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-4)
    dice = smp.losses.DiceLoss("multiclass", from_logits=True, ignore_index=255)
    order = shuffled(len(pairs), generator)

    def step(progress: float) -> None:
        optimizer.param_groups[0]["lr"] = 2e-4 * (1 + np.cos(np.pi * progress)) / 2
        pixels, masks = zip(*(smp_loop.augmented(pairs[next(order)], generator) for _ in range(BATCH)), strict=True)
        loss = dice(model(smp_loop.tensor(list(pixels))), smp_loop.targets(list(masks)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return train(step, model, clock)


class DeepLab(nn.Module):
    """torchvision's DeepLabV3 on timm's MobileNetV2, dilated to a sixteenth of the image."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        from torchvision.models.segmentation.deeplabv3 import DeepLabHead

        self.encoder = timm.create_model("mobilenetv2_100", features_only=True, output_stride=16, out_indices=(4,))
        load(self.encoder, weights)
        self.head = DeepLabHead(320, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        scores = self.head(self.encoder(images)[0])
        return nn.functional.interpolate(scores, images.shape[-2:], mode="bilinear", align_corners=False)


def reference_crop(pair: Pair, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The references' augmentation: short side 0.5-2 times 1.08 crops, flip, a crop padded where the image ends."""
    image, mask = pair
    short = generator.uniform(0.5, 2.0) * 1.08 * SIZE[0]
    factor = short / min(image.size)
    size = (round(image.width * factor), round(image.height * factor))
    pixels = np.asarray(image.resize(size, Image.Resampling.BILINEAR))
    labels = np.asarray(mask.resize(size, Image.Resampling.NEAREST))
    if generator.random() < 0.5:
        pixels, labels = pixels[:, ::-1], labels[:, ::-1]
    missing = [max(0, wanted - there) for wanted, there in zip(SIZE, labels.shape, strict=True)]
    pixels = np.pad(pixels, ((0, missing[0]), (0, missing[1]), (0, 0)))
    labels = np.pad(labels, ((0, missing[0]), (0, missing[1])), constant_values=VOID)
    top, left = (
        int(generator.integers(0, there - wanted + 1)) for wanted, there in zip(SIZE, labels.shape, strict=True)
    )
    window = (slice(top, top + SIZE[0]), slice(left, left + SIZE[1]))
    return pixels[window], labels[window]


def torchvision_reference(pairs: list[Pair], weights: Path, seed: int, clock: Clock) -> list[Mark]:
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    model = DeepLab(weights).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    order = shuffled(len(pairs), generator)

    def step(progress: float) -> None:
        optimizer.param_groups[0]["lr"] = 0.01 * (1 - progress) ** 0.9
        pixels, masks = zip(*(reference_crop(pairs[next(order)], generator) for _ in range(BATCH)), strict=True)
        scores = model(smp_loop.tensor(list(pixels)))
        loss = nn.functional.cross_entropy(scores, smp_loop.targets(list(masks)), ignore_index=255)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return train(step, model, clock)


def load(model: nn.Module, weights: Path) -> None:
    """timm's weights into timm's network, or into the part of it that a decoder uses."""
    state = torch.load(weights, map_location="cpu", weights_only=True)
    missing = model.load_state_dict(state, strict=False).missing_keys
    assert not missing, missing


LOOPS = {"smp": smp_notebook, "torchvision": torchvision_reference}
