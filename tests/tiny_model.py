"""A random model of a few hundred kilobytes, and its run folder, for tests of anything that predicts.

from tiny_model import tiny_model, write_run
"""

from __future__ import annotations

from pathlib import Path

import torch

from segue import __version__
from segue.data.classes import Classes
from segue.data.geometry import Preprocessing
from segue.models.artifact import ModelInfo, save_model
from segue.models.build import ModelSpec, SegmentationModel, build
from segue.models.source import Source

torch.set_num_threads(1)  # the model is far too small for more, and tests run side by side

NAMES = ("ground", "disc", "box", "stripe")
COLOURS = ((60, 70, 80), (200, 40, 40), (40, 180, 60), (50, 70, 210))


def tiny_info(classes: int = 4, channels: int = 3, size: tuple[int, int] = (48, 64)) -> ModelInfo:
    names = NAMES[:classes]
    return ModelInfo(
        spec=ModelSpec("test_resnet", "fcn", channels, classes),
        classes=Classes(names, COLOURS[:classes], tuple(range(classes))),
        prep=Preprocessing(size, 1.2, (0.45,) * channels, (0.25,) * channels, size[0] * size[1], 1.2),
        source=Source("test weights", "CC0-1.0", "0" * 64, "https://example.org/weights"),
        segue=__version__,
        scores={"miou": 0.5},
    )


def tiny_model(info: ModelInfo, seed: int = 0) -> SegmentationModel:
    """Random weights, the same for the same seed; batch statistics are not the identity, as after training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build(info.spec)
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0, 0.2)
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 1.5)
    return model.eval()


def write_run(folder: Path, info: ModelInfo | None = None, seed: int = 0) -> Path:
    info = info or tiny_info()
    save_model(folder / "model", tiny_model(info, seed), info)
    return folder
