"""Every transfer method, optimiser and schedule with something to remember goes on exactly where it was stopped.

The runs are real ones in this process: stopped by the same request a signal makes, resumed from the same files.
"""

import dataclasses
import time

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from segue.configs import DataConfig, FitConfig, ModelConfig, OptimConfig, TrainConfig, TransferConfig
from segue.data.prepare import prepare
from segue.errors import InterruptedRunError
from segue.models.build import ModelSpec, build
from segue.train.checkpoint import load_best, load_newest
from segue.train.interpolation import interpolate_best
from segue.train.loop import run_loop, save
from segue.train.resolve import resolve
from segue.train.run_folder import CHECKPOINTS
from segue.train.signals import StopRequest
from segue.train.start import _go_on, install, resume, start

STEPS = 8


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Six images with masks, and weights of a tiny encoder."""
    root = tmp_path_factory.mktemp("resume")
    generator = np.random.default_rng(0)
    for part in ("images", "masks"):
        (root / "data" / part).mkdir(parents=True)
    for number in range(6):
        mask = np.zeros((40, 40), np.uint8)
        mask[number : number + 20, 8:30] = 1
        noise = generator.integers(0, 60, (40, 40, 3)) + mask[..., None] * 90
        Image.fromarray(noise.astype(np.uint8)).save(root / "data" / "images" / f"{number}.png")
        Image.fromarray(mask).save(root / "data" / "masks" / f"{number}.png")
    torch.manual_seed(5)
    save_file(build(ModelSpec("test_resnet", "fcn", 3, 2)).encoder.net.state_dict(), root / "encoder.safetensors")
    return root


def configured(place, transfer: TransferConfig, optim: dict) -> tuple:
    data_config = DataConfig(size=(32, 32), workers=0)
    data = prepare((place / "data",), data_config, 0, lambda *_: None)
    config = FitConfig(
        paths=(place / "data",),
        steps=STEPS,
        data=data_config,
        model=ModelConfig(encoder="test_resnet", decoder="fcn", weights=str(place / "encoder.safetensors")),
        transfer=transfer,
        optim=OptimConfig(batch=2, lr=optim.pop("lr", 0.01), **optim),
        train=TrainConfig(device="cpu", precision="fp32", validations=4, patience=1, threads=1),
    )
    return resolve(config, data), data


def run(config: FitConfig, data, folder, stops: tuple[int, ...]) -> tuple:
    """Train to the end, stopped after each of `stops` steps; returns the last loop and its resume point."""
    folder.mkdir()
    loop = install(start(config, data, time.perf_counter()), folder)
    for stop_at in stops:
        request = StopRequest()

        def ask(state, stop_at=stop_at, request=request) -> None:
            request.signal_number = 15 if state.step == stop_at else None

        loop.on_step = ask
        with pytest.raises(InterruptedRunError):
            run_loop(loop, request)
        loop = resume(config, data, folder, time.perf_counter())
    run_loop(loop, StopRequest())
    return loop, load_newest(folder / CHECKPOINTS)


def assert_same(first, second) -> None:
    assert sorted(first.tensors) == sorted(second.tensors)
    assert [name for name in first.tensors if not torch.equal(first.tensors[name], second.tensors[name])] == []
    clocks = ("seconds", "reserve")
    assert {k: v for k, v in first.state.items() if k not in clocks} == {
        k: v for k, v in second.state.items() if k not in clocks
    }


MIXED = {  # everything that has a state, in few runs
    "lora, adam, cosine": (TransferConfig(mode="lora", rank=2), {"optimizer": "adam", "schedule": "cosine"}),
    "gradual, l2sp, nesterov, plateau": (
        TransferConfig(mode="gradual", head_fraction=0.25, unfreeze=0.6, l2sp=0.5),
        {"optimizer": "sgd", "nesterov": True, "schedule": "plateau", "plateau_patience": 0, "gamma": 0.5},
    ),
    "staged, interpolate, rmsprop": (
        TransferConfig(mode="staged", head_fraction=0.4, interpolate="auto"),
        {"optimizer": "rmsprop", "lr": 0.001},
    ),
}
SINGLE = {
    "tune-last": (TransferConfig(mode="tune-last"), {}),
    "tune-first": (TransferConfig(mode="tune-first"), {}),
    "partial": (TransferConfig(mode="partial", frozen_stages=2), {}),
    "l2sp decoupled": (TransferConfig(mode="full", l2sp=5.0), {}),
    "l2sp in the gradient": (TransferConfig(mode="full", l2sp=0.5), {"optimizer": "adam"}),
    "sgd": (TransferConfig(), {"optimizer": "sgd"}),
    "sgd without momentum": (TransferConfig(), {"optimizer": "sgd", "momentum": 0.0}),
    "rmsprop": (TransferConfig(), {"optimizer": "rmsprop", "momentum": 0.0, "lr": 0.001}),
    "one-cycle": (TransferConfig(), {"schedule": "one-cycle"}),
    "step": (TransferConfig(), {"schedule": "step"}),
    "constant": (TransferConfig(), {"schedule": "constant"}),
}


@pytest.mark.parametrize("name", MIXED)
def test_stopped_and_resumed_it_ends_with_the_same_bytes(place, tmp_path, name):
    config, data = configured(place, MIXED[name][0], dict(MIXED[name][1]))
    whole, expected = run(config, data, tmp_path / "whole", ())
    parts, got = run(config, data, tmp_path / "parts", (2, 5))
    assert_same(expected, got)
    assert all(row["lr"] > 0 for row in got.state["history"])
    if config.transfer.interpolate != "none":
        mixtures = [interpolate_best(loop, load_best(loop.folder)) for loop in (whole, parts)]
        assert mixtures[0] == mixtures[1]
        assert len(mixtures[0].shares) == 5


@pytest.mark.slow
@pytest.mark.parametrize("name", SINGLE)
def test_each_on_its_own_ends_with_the_same_bytes_wherever_it_is_stopped(place, tmp_path, name):
    config, data = configured(place, SINGLE[name][0], dict(SINGLE[name][1]))
    _, expected = run(config, data, tmp_path / "whole", ())
    for stops in ((1,), (3, 4), (7,), (2, 4, 6)):
        folder = tmp_path / "-".join(map(str, stops))
        assert_same(expected, run(config, data, folder, stops)[1])


def test_a_resume_point_that_does_not_say_how_the_run_is_validated_goes_by_its_configuration(place, tmp_path):
    config, data = configured(place, TransferConfig(), {})
    loop = install(start(config, data, time.perf_counter()), tmp_path)
    save(loop)
    point = load_newest(tmp_path / CHECKPOINTS)
    state = {name: value for name, value in point.state.items() if name != "validating"}
    _go_on(loop, dataclasses.replace(point, state=state), data)
    assert loop.state.validating.times == config.train.validations == 4
