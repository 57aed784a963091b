"""The quick score while training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from fakes import COLOURS, write_folders
from segue.data.classes import Classes
from segue.data.geometry import Preprocessing
from segue.data.index import Sample
from segue.train import validate
from segue.train.signals import StopRequest
from segue.train.validate import Validator

PREP = Preprocessing((16, 16), 8.0, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), largest=48 * 64, pixel_scale=1.0)


def test_images_of_which_training_showed_small_parts_are_scored_in_tiles(tmp_path, monkeypatch):
    root = write_folders(tmp_path / "data", count=3)
    images = sorted((root / "images").iterdir())
    samples = tuple(Sample(path.stem, path, root / "masks" / f"{path.stem}.png", "val") for path in images)
    classes = Classes(("ground", "disc", "box", "stripe"), COLOURS, (0, 1, 2, 3))
    validator = Validator(samples, classes, PREP, Fabric(accelerator="cpu", devices=1), 0)
    torch.manual_seed(0)
    model, seen = nn.Conv2d(3, 4, 1), []  # looks at one pixel, so tiles change nothing
    model.register_forward_pre_hook(lambda _, inputs: seen.append(max(inputs[0].shape[2:])))
    tiled = validator(model, StopRequest())
    assert len(seen) > 3
    assert max(seen) <= 64
    monkeypatch.setattr(validate, "MOST_ZOOM", 100.0)
    whole = replace(validator)(model, StopRequest())
    assert max(seen) > 64
    np.testing.assert_allclose(tiled.class_iou, whole.class_iou, atol=1e-3)
    assert tiled.miou == pytest.approx(whole.miou, abs=1e-3)
