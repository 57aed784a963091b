"""Seconds per training step: `segue fit`'s own step beside the usual segmentation_models_pytorch loop, interleaved.

Both train MobileNetV2 + U-Net on CamVid at 240x320, batch 8, decoding excluded on both sides, augmentation included.
Steps alternate, so that whatever else the machine does falls on both; the medians and their ratio are printed.

    python benchmarks/step_speed.py CAMVID --rounds 20
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import segmentation_models_pytorch as smp
import smp_loop
import torch

from segue.configs import DataConfig, FitConfig, TransferConfig
from segue.data.prepare import prepare
from segue.train.resolve import resolve
from segue.train.start import start
from segue.train.step import training_step


def peer_step(train: list[smp_loop.Pair]) -> Callable[[], None]:
    """One step of the peer's loop as a function without arguments."""
    model = smp.Unet("tu-mobilenetv2_100", encoder_weights=None, classes=smp_loop.CLASSES)
    model = model.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-4)
    dice = smp.losses.DiceLoss("multiclass", from_logits=True, ignore_index=255)
    generator = np.random.default_rng(0)

    def step() -> None:
        chosen = generator.integers(0, len(train), 8)
        pixels, masks = zip(*(smp_loop.augmented(train[i], generator) for i in chosen), strict=True)
        loss = dice(model(smp_loop.tensor(list(pixels))), smp_loop.targets(list(masks)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def our_step(camvid: Path) -> Callable[[], None]:
    """One step of `segue fit` as a function without arguments; it loads in the same thread, as the peer does."""
    data = prepare((camvid,), DataConfig(), 0, lambda share, text: None)
    given = FitConfig(
        paths=(camvid,),
        steps=1000,
        data=DataConfig(size=(240, 320), workers=0),
        transfer=TransferConfig(mode="scratch"),  # the same computation as staged; no weights are needed
    )
    loop = start(resolve(given, data), data, time.perf_counter()).loop
    for index in range(len(loop.data)):
        loop.data.load(index)

    def step() -> None:
        training_step(loop.engine, loop.data.batch(loop.state.step, 8), loop.state)
        loop.state.advance()

    return step


def main() -> None:
    """Alternate, print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("camvid", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    sides = {"segue": our_step(given.camvid), "smp": peer_step(smp_loop.read(given.camvid, "train"))}
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(given.rounds + 3):
        for name, step in sides.items():
            began = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(seconds[3:]) for name, seconds in times.items()}
    row = {
        "step_seconds": {name: round(seconds, 3) for name, seconds in medians.items()},
        "ratio": round(medians["smp"] / medians["segue"], 2),
        "rounds": given.rounds,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    print(json.dumps(row))


if __name__ == "__main__":
    main()
