"""Features at pixels: read where the pixel is, alike for every map, the same twice."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from segue.data.geometry import Preprocessing
from segue.models.encoders import Encoder, create_encoder
from segue.planning.features import COMPONENTS, pixel_features, reduced
from segue.planning.pixels import PixelSample

PREP = Preprocessing((32, 48), 1.0, (0.0,) * 3, (1.0,) * 3, 32 * 48, 1.0)


def sample_of(image, rows, columns):
    rows, columns = np.asarray(rows), np.asarray(columns)
    zeros = np.zeros(len(rows), np.int64)
    return PixelSample((image,), zeros, rows, columns, zeros, ())


class Ramps(nn.Module):
    """A network whose one map says where it is: the pixel row and column of each value's centre."""

    def __init__(self, stride):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.stride = stride
        self.feature_info = SimpleNamespace(channels=lambda: [2], reduction=lambda: [stride])

    def forward(self, images):
        height, width = (length // self.stride for length in images.shape[-2:])
        rows = (torch.arange(height) + 0.5) * self.stride - 0.5
        columns = (torch.arange(width) + 0.5) * self.stride - 0.5
        return [torch.stack(torch.meshgrid(rows, columns, indexing="ij"))[None]]


@pytest.mark.parametrize(("stride", "size"), [(1, (32, 48)), (4, (32, 48)), (8, (30, 45))])
def test_a_map_is_read_where_the_pixel_is(stride, size, monkeypatch):
    monkeypatch.setattr("segue.planning.features.reduced", lambda level: level.astype(np.float64))
    rows, columns = np.mgrid[stride : size[0] - stride, stride : size[1] - stride].reshape(2, -1)
    found = pixel_features(Encoder(Ramps(stride)), sample_of(np.zeros((*size, 3), np.uint8), rows, columns), PREP)
    np.testing.assert_allclose(found, np.stack([rows, columns], axis=1), atol=1e-4)


def test_every_map_has_the_same_weight_and_at_most_64_components():
    level = np.random.default_rng(0).normal(size=(500, 80)) * np.linspace(1, 50, 80) + 7
    out = reduced(level)
    assert out.shape == (500, COMPONENTS)
    np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-9)
    assert (out**2).mean() == pytest.approx(1)
    assert out[:, 0].std() > 2 * out[:, -1].std()  # components keep their order of importance
    assert reduced(1000 * level) == pytest.approx(out)
    assert not reduced(np.ones((5, 3))).any()


def test_features_of_a_real_encoder_are_the_same_twice_and_change_nothing_in_it():
    torch.manual_seed(0)
    encoder = create_encoder("test_resnet").train()
    random = np.random.default_rng(0)
    image = random.integers(0, 255, (40, 56, 3), dtype=np.uint8)
    sample = sample_of(image, random.integers(0, 40, 200), random.integers(0, 56, 200))
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    first = pixel_features(encoder, sample, PREP)
    assert first.shape == (200, sum(min(COMPONENTS, channels) for channels in encoder.channels))
    assert np.array_equal(first, pixel_features(encoder, sample, PREP))
    assert all(torch.equal(before[name], tensor) for name, tensor in encoder.state_dict().items())
    other = dataclasses.replace(PREP, mean=(0.5,) * 3)
    assert not np.allclose(first, pixel_features(encoder, sample, other))
