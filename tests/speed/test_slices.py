"""What the slices work on: images decoded once or each time, weights that stay, threads that end."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from fakes import write_folders
from segue.configs import DataConfig, FitConfig, ModelConfig, OptimConfig, TrainConfig, TransferConfig
from segue.data import loader
from segue.data.loader import CACHE_BYTES
from segue.data.prepare import prepare
from segue.errors import TrainingStoppedError
from segue.speed.ceiling import Ceiling, ceiling, operations, products
from segue.speed.loading import Images, crops, crops_ahead, reading, share_from_memory
from segue.speed.memory import peak_device_memory, peak_memory
from segue.speed.predicting import predicting, untrained_segmenter
from segue.speed.training import Trainer, alone, end_to_end, validation
from segue.train.resolve import resolve
from segue.train.start import untrained


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """A resolved configuration, its data and an untrained loop."""
    root = write_folders(tmp_path_factory.mktemp("bench"), 6)
    config = FitConfig(
        (root,),
        steps=10,
        data=DataConfig(size=(32, 32), workers=2),
        model=ModelConfig(encoder="test_resnet", decoder="fcn"),
        transfer=TransferConfig(mode="full"),
        optim=OptimConfig(batch=2, lr=1.0),
        train=TrainConfig(threads=1, precision="fp32"),
    )
    data = prepare(config.paths, config.data, 0, lambda _share, _text: None)
    config = resolve(config, data)
    return config, data, untrained(config, data, "")


@pytest.fixture
def images(parts):
    config, data, loop = parts
    return Images(config, data, loop.validator.prep)


@pytest.fixture
def decoded(monkeypatch):
    """Counts the samples that the loader decodes."""
    names, read = [], loader.read_sample

    def count(sample, *rest):
        names.append(sample.id)
        return read(sample, *rest)

    monkeypatch.setattr(loader, "read_sample", count)
    return names


def test_kept_images_are_decoded_once_and_the_others_for_every_crop(images, decoded):
    names, draws = [sample.id for sample in images.samples], 2 * len(images.samples)
    for data, expected in ((images.kept, names), (images.decoded, 2 * names)):
        decoded.clear()
        take = crops("it", data)
        for _ in range(draws):
            assert take(0.0)["it"] > 0
        assert decoded == expected


def test_the_images_are_those_of_the_run_with_their_own_pixels(parts, images):
    _, data, _ = parts
    assert images.samples == data.of("train")
    assert images.bytes_each() == 48 * 64 * 4, "three channels and the mask"
    assert reading(images)(0.0)["read"] > 0


@pytest.mark.parametrize(
    ("draws", "images", "each", "share"),
    [
        (1000, 100, 1.0, 0.9),  # the first pass decodes
        (100, 100, 1.0, 0.0),
        (50, 100, 1.0, 0.0),
        (1000, 100, CACHE_BYTES / 50.5, 0.45),  # half of them fit
        (1000, 100, 0.0, 0.9),  # rasters read by the window
    ],
)
def test_the_share_from_memory_follows_from_passes_and_room(draws, images, each, share):
    assert share_from_memory(draws, images, each) == pytest.approx(share)


def test_steps_leave_the_weights_and_their_phases_add_up(parts, images):
    _, _, loop = parts
    before = [parameter.detach().clone() for parameter in loop.engine.model.parameters()]
    trainer = Trainer(loop)
    found = alone(trainer, images.kept.batch(0, 2))(0.0)
    assert found["step"] == pytest.approx(found["forward"] + found["backward"] + found["update"])
    assert min(found.values()) > 0
    assert end_to_end("training", trainer, images.kept, 0)(0.0)["training"] > 0
    for old, new in zip(before, loop.engine.model.parameters(), strict=True):
        assert torch.equal(old, new)
    assert validation(loop)(0.0)["validation"] > 0


def test_the_operations_of_a_step_are_those_of_its_layers_forward_and_backward(parts, images):
    _, _, loop = parts
    convolutions = []

    def count(layer, given, output):
        convolutions.append(2 * output[0].numel() * layer.weight[0].numel() * (3 if given[0].requires_grad else 2))

    handles = [
        layer.register_forward_hook(count) for layer in loop.engine.model.modules() if isinstance(layer, nn.Conv2d)
    ]
    trainer = Trainer(loop)
    counted = operations(trainer, images.kept.batch(0, 2))
    for handle in handles:
        handle.remove()
    assert counted == pytest.approx(sum(convolutions), rel=1e-3)


def test_a_machine_reaches_no_more_than_its_matrix_product_by_the_numbers(parts, monkeypatch):
    monkeypatch.setattr("segue.speed.ceiling.SIDE", 64)
    _, _, loop = parts
    seconds = products(Trainer(loop), "fp32")(0.0)["product"]
    said = ceiling(operations=1e9, seconds=0.5, product=seconds, device="cpu")
    assert said.most == pytest.approx(2 * 64**3 / seconds)
    assert said.share == pytest.approx(2e9 / said.most)
    assert Ceiling(2e9, 1e11, 1e9).line("bf16") == (
        "training reaches 2.0% of the 0.1 TFLOP/s of a large bf16 matrix product (1 GFLOP an image, forward and "
        "backward)"
    )


@pytest.mark.parametrize("slice_of", [crops_ahead, end_to_end])
def test_loader_threads_end_with_the_slice(parts, images, slice_of):
    _, _, loop = parts
    arguments = (images.kept, 2, 2) if slice_of is crops_ahead else (Trainer(loop), images.kept, 2)
    assert slice_of("it", *arguments)(0.0)["it"] > 0
    assert [one.name for one in threading.enumerate() if one.name.startswith("segue-loader")] == []


def test_a_loss_that_is_no_number_is_one_line(parts, images):
    _, _, loop = parts
    batch = images.kept.batch(0, 2)
    batch.images.fill_(float("nan"))
    with pytest.raises(TrainingStoppedError, match=r"the loss is nan with these options: try --train.precision fp32"):
        Trainer(loop).step(batch)


def test_predictions_are_written_over_each_other_and_untrained_ones_as_their_labels(parts, tmp_path):
    _, data, loop = parts
    segmenter = untrained_segmenter(loop, "cpu")
    take = predicting(segmenter, data.of("val")[:1], tmp_path, trained=False)
    assert sorted(take(0.0)) == ["decode", "mask", "network", "overlay"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mask.png", "overlay.jpg"]
    from PIL import Image

    label = data.of("val")[0].mask
    assert np.array_equal(np.asarray(Image.open(tmp_path / "mask.png")), np.asarray(Image.open(label)))


def test_the_peak_of_memory_never_falls(monkeypatch):
    before = peak_memory()
    held = np.ones(2**24)
    during = peak_memory()
    del held
    if before is not None:
        assert 2**20 < before <= during <= peak_memory()
    assert peak_device_memory("cpu") is None
    monkeypatch.setattr("segue.speed.memory.STATUS", Path("/nowhere"))
    if before is not None:  # the other way to know agrees, where there is one
        assert peak_memory() >= 2**20
