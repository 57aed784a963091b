"""The fingerprint says what is in the files: counts, sizes, objects, repetitions, what has no label."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from fakes import scene, write_camvid, write_folders
from segue.configs import DataConfig, FitConfig, ModelConfig, TrainConfig
from segue.data.parallel import silent
from segue.data.prepare import prepare
from segue.planning.fingerprint import Quantiles, take_fingerprint
from segue.planning.machine import Machine, measure_machine
from segue.planning.objects import object_areas, regions

MACHINE = Machine("cpu", "fp32", 1, 8.0, "mobilenetv2_100 + unet", (32, 32), 4.0)


def prepared(root, seed=0):
    return prepare((root,), DataConfig(), seed, silent)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return prepared(write_folders(tmp_path_factory.mktemp("photos"), 8))


def test_shares_sizes_and_objects_are_those_of_the_masks(data):
    found = take_fingerprint(data, MACHINE, 0, val_given=False)
    labels = [scene(int(sample.id.rpartition("/")[2]))[1] for sample in data.of("train")]
    counts = np.bincount(np.concatenate([one.ravel() for one in labels]), minlength=4)
    assert [one.pixel_share for one in found.classes] == pytest.approx(counts / counts.sum(), abs=1e-5)
    assert [one.image_share for one in found.classes] == [1.0] * 4
    assert (found.train, found.val, found.train + found.val) == (len(labels), found.classes[0].val_images, 8)
    assert (found.height.p50, found.width.p50, found.pixels) == (48, 64, len(labels) * 48 * 64)
    discs = [float((one == 1).sum()) for one in labels]
    assert found.classes[1].objects == Quantiles.of(discs)
    assert (found.channels, found.numbers, found.georeferenced) == (3, "8-bit", False)
    assert (found.unlabelled_share, found.near_duplicates, found.val_given) == (0, 0, False)


def test_it_is_the_same_again_and_json(data):
    first, again = (take_fingerprint(data, MACHINE, 0, val_given=False) for _ in range(2))
    assert first == again
    assert json.loads(json.dumps(dataclasses.asdict(first)))["version"] == 1


def test_what_has_no_label_and_what_repeats_is_counted(tmp_path):
    data = prepared(write_camvid(tmp_path / "camvid", 6))
    found = take_fingerprint(data, MACHINE, 0, val_given=True)
    assert found.unlabelled_share == pytest.approx(3 / 48)
    assert found.groups == 2
    root = write_folders(tmp_path / "copies", 7)
    for folder, ending in (("images", "jpg"), ("masks", "png")):
        shutil.copy(root / folder / f"000.{ending}", root / folder / f"copy.{ending}")
    assert take_fingerprint(prepared(root), MACHINE, 0, val_given=False).near_duplicates == pytest.approx(1 / 8)


def test_regions_hang_together_over_corners_and_specks_are_none():
    labels = np.zeros((10, 10), np.uint8)
    labels[0:2, 0:2] = labels[2:4, 2:4] = 1  # touch at a corner
    labels[8, 8] = labels[9, 0] = 1
    assert regions(labels, 1).tolist() == [8]
    assert regions(labels, 2).tolist() == []
    labels[6:8, 6:8] = 1
    assert sorted(regions(labels, 1).tolist()) == [5, 8]  # the pixel at (8, 8) was a speck and touches it now


def test_large_masks_are_measured_smaller_and_areas_are_their_own(data, monkeypatch):
    areas, seen = object_areas(data, 0)
    monkeypatch.setattr("segue.planning.objects.MOST_PIXELS", 48 * 64 // 4)
    smaller, _ = object_areas(data, 0)
    assert seen == len(data.of("train"))
    assert np.median(smaller[1]) == pytest.approx(np.median(areas[1]), rel=0.2)


def test_the_machine_is_measured_without_touching_the_seed(data):
    import torch

    config = FitConfig(
        data=DataConfig(size=(32, 32)),
        model=ModelConfig(encoder="test_resnet", decoder="fcn"),
        train=TrainConfig(device="cpu", precision="fp32"),
    )
    torch.manual_seed(3)
    expected = torch.get_rng_state()
    machine = measure_machine(config, 3, 4)
    assert torch.equal(torch.get_rng_state(), expected)
    assert machine.images_per_second > 0
    assert 0.1 < machine.memory_gb < 100_000
    assert machine.network == "test_resnet + fcn"
