"""The mode that segments better by more than noise; a tie speaks for training the encoder too."""

import time

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fakes import write_folders
from segue.configs import DataConfig, FitConfig, ModelConfig, OptimConfig, TrainConfig
from segue.data.prepare import prepare
from segue.infer.counts import Counts
from segue.models.encoders import create_encoder
from segue.planning import ladder
from segue.planning.candidates import Candidate
from segue.train.resolve import resolve
from segue.trust.compare import compare

IMAGES = 20


def quiet(_share, _text):
    """Nobody watches."""


def counts(right):
    """Confusion matrices of two classes in which each image has this share of its pixels right."""
    matrices = np.array([[[100 * r, 100 * (1 - r)], [100 * (1 - r), 100 * r]] for r in right]).round().astype(np.int64)
    names = tuple(f"i{n}" for n in range(len(right)))
    return Counts(names, names, ("a", "b"), matrices)


@pytest.mark.parametrize(("gain", "mode"), [(0.1, "staged"), (0.0, "staged"), (-0.1, "frozen")])
def test_the_lower_rung_is_kept_only_where_it_wins_by_more_than_noise(gain, mode):
    base = np.random.default_rng(0).uniform(0.5, 0.7, IMAGES)
    noise = np.random.default_rng(1).normal(0, 0.02, IMAGES)
    found = ladder.decided(compare(counts(base), counts(base + gain + noise)), 200, {"train_images": 10})
    assert found.value == mode
    assert "noise" in found.rule
    assert found.inputs["val_images"] == IMAGES
    low, high = found.inputs["difference_95"]
    assert low <= found.inputs["miou_staged"] - found.inputs["miou_frozen"] <= high


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    root = tmp_path_factory.mktemp("ladder")
    torch.manual_seed(0)
    weights = root / "weights.safetensors"
    save_file(create_encoder("test_resnet").net.state_dict(), weights)
    data = prepare((write_folders(root / "photos", 10),), DataConfig(), 0, quiet)
    config = FitConfig(
        data=DataConfig(size=(32, 32), workers=0),
        model=ModelConfig(encoder="test_resnet", decoder="fcn", weights=str(weights)),
        optim=OptimConfig(batch=2),
        train=TrainConfig(device="cpu", threads=1),
    )
    return Candidate("test", "test_resnet", str(weights), ""), data, resolve(config, data)


def test_both_rungs_are_trained_alike_and_scored_on_the_same_images(case, monkeypatch, caplog):
    monkeypatch.setattr(ladder, "FEWEST_STEPS", 2)
    monkeypatch.setattr(ladder, "STEPS", (2,))
    with caplog.at_level("INFO", logger="segue"):
        found = ladder.transfer_mode(*case, time.perf_counter() + 1000, quiet)
    assert found.value in ("frozen", "staged")
    assert found.inputs["val_images"] == len(case[1].of("val"))
    said = caplog.text
    assert said.index("frozen or staged: 2 steps of each decide, about") < said.index("frozen: mIoU")
    assert "staged: mIoU" in said


def test_without_time_it_is_the_default_and_says_what_comparing_takes(case):
    found = ladder.transfer_mode(*case, time.perf_counter() + 1e-3, quiet)
    assert found.value == "staged"
    assert "there was no time" in found.rule or "minutes more" in found.rule
