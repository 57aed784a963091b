"""A tiny model with all that a training step needs, for tests of training.

from tiny_engine import make_engine, small_batch, small_model
"""

from __future__ import annotations

import copy

import torch

from segue.configs import OptimConfig, TransferConfig
from segue.data.loader import Batch
from segue.models.build import ModelSpec, SegmentationModel, build
from segue.objectives.supervised import supervised
from segue.train.machine import make_fabric
from segue.train.optim import make_optimizer
from segue.train.step import Engine
from segue.transfer.l2sp import starting_point
from segue.transfer.lr_groups import lr_groups


def small_model(seed: int = 0) -> SegmentationModel:
    torch.manual_seed(seed)
    return build(ModelSpec("test_resnet", "fcn", 3, 3))


def small_batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(4, 3, 32, 32, generator=generator)
    labels = torch.randint(0, 3, (4, 32, 32), generator=generator, dtype=torch.uint8)
    return Batch(images, labels, ("a", "b", "c", "d"))


def make_engine(
    model: SegmentationModel, transfer: TransferConfig | None = None, optim: OptimConfig | None = None
) -> Engine:
    transfer = transfer or TransferConfig(mode="full")
    optim = optim or OptimConfig(lr=0.01, batch=4, clip_norm=0.0)
    fabric = make_fabric("cpu", "fp32")
    groups = lr_groups(model, model.stages(), optim, transfer)
    return Engine(
        fabric=fabric,
        model=model,
        wrapped=fabric.setup_module(model),
        average=copy.deepcopy(model).requires_grad_(False),
        optimizer=make_optimizer(groups, optim, "cpu"),
        objective=supervised("ce"),
        optim=optim,
        transfer=transfer,
        seed=0,
        kept=starting_point(groups),
    )
