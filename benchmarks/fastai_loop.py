"""fastai's `unet_learner` and `fine_tune` on MobileNetV2, as its documentation does it; see peer_loops.py."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import smp_loop
import timm
from fastai.callback.core import Callback
from fastai.losses import CrossEntropyLossFlat
from fastai.torch_core import set_seed
from fastai.vision.all import DataBlock, ImageBlock, IndexSplitter, MaskBlock, Normalize, PILImage, PILMask
from fastai.vision.augment import Resize, aug_transforms
from fastai.vision.learner import unet_learner
from peer_loops import BATCH, Clock, Mark, load
from smp_loop import CLASSES, SIZE, VOID, Pair
from torch import nn

MEASURED_STEPS = 6


class Watch(Callback):
    """Starts and stops the clock around training, validation aside; without one, keeps the seconds of every step."""

    order = -100

    def __init__(self, clock: Clock | None) -> None:
        self.clock = clock
        self.times: list[float] = []

    def before_train(self) -> None:
        self.since = time.perf_counter()
        if self.clock:
            self.clock.start()

    def after_batch(self) -> None:
        if not self.training:
            return
        self.times.append(time.perf_counter() - self.since)
        self.since = time.perf_counter()
        if self.clock:
            self.clock.stop()
            self.clock.steps += 1
            self.clock.look(self.learn.model)
            self.clock.start()

    def after_train(self) -> None:
        if self.clock:
            self.clock.stop()


def loaders_of(pairs: list[Pair]) -> Any:
    """Batches of its own augmentation; fewer images than a batch are repeated, since what is left over is dropped."""
    block = DataBlock(
        blocks=(ImageBlock, MaskBlock(codes=[*map(str, range(CLASSES)), "void"])),
        get_x=lambda index: PILImage(pairs[index][0]),
        get_y=lambda index: PILMask(pairs[index][1]),
        splitter=IndexSplitter([0]),  # a learner wants an image to validate with; the loop is scored by us
        item_tfms=Resize((360, 480)),
        batch_tfms=[*aug_transforms(size=SIZE), Normalize.from_stats(smp_loop.MEAN, smp_loop.STD)],
    )
    return block.dataloaders([0, *range(len(pairs))], bs=min(BATCH, len(pairs)), num_workers=0)


def learner_of(loaders: Any, weights: Path, watch: Watch) -> Any:
    """The learner, its encoder frozen as `fine_tune` wants it."""

    def encoder(pretrained: bool = False) -> nn.Module:
        whole = timm.create_model("mobilenetv2_100")
        load(whole, weights)
        return nn.Sequential(nn.Sequential(whole.conv_stem, whole.bn1), *whole.blocks)

    learner = unet_learner(
        loaders,
        encoder,
        n_out=CLASSES,
        normalize=False,  # the loaders do
        cut=lambda body: body,
        loss_func=CrossEntropyLossFlat(axis=1, ignore_index=VOID),
        cbs=[watch],
    )
    learner.remove_cbs([one for one in learner.cbs if type(one).__name__ == "ProgressCallback"])
    return learner


def fastai_unet(pairs: list[Pair], weights: Path, seed: int, clock: Clock) -> list[Mark]:
    """As many epochs as fit into the clock's seconds, by the time a few steps of the whole network take."""
    set_seed(seed)
    loaders = loaders_of(pairs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        watch = Watch(None)
        trial = learner_of(loaders, weights, watch)
        trial.unfreeze()
        with trial.no_logging():
            while len(watch.times) < MEASURED_STEPS:
                trial.fit(1, 0.0)
        epochs = max(2, round(clock.seconds / (len(loaders.train) * float(np.median(watch.times[1:])))))
        set_seed(seed)
        real = learner_of(loaders, weights, Watch(clock))
        with real.no_logging():
            real.fine_tune(epochs - 1)
    if not clock.found or clock.found[-1]["steps"] < clock.steps:  # it ended a little before the last mark
        clock.marks = [0.0]
        clock.look(real.model)
    return clock.found
