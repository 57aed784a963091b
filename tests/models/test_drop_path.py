"""Dropout and stochastic depth: timm's own rates, no effect in evaluation, nothing in the saved weights."""

import pytest
import timm
import torch
from timm.layers import DropPath
from torch import nn

from segue.configs import ModelConfig
from segue.errors import UsageError
from segue.models.build import ModelSpec, build
from segue.models.drop_path import add_drop_path


def rates(net):
    return {name: pytest.approx(m.drop_prob) for name, m in net.named_modules() if isinstance(m, DropPath)}


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext"])
def test_the_rates_are_those_timm_builds_with(name):
    expected = timm.create_model(name, features_only=True, drop_path_rate=0.2)
    net = timm.create_model(name, features_only=True)
    assert add_drop_path(net, 0.2) > 1
    assert rates(net) == rates(expected)


@pytest.mark.parametrize("encoder", ["test_resnet", "test_vit", "test_efficientnet"])
def test_evaluation_and_the_names_of_weights_stay_as_they_are(encoder):
    spec = ModelSpec(encoder, "fcn", 3, 2)
    torch.manual_seed(0)
    plain = build(spec).eval()
    dropped = build(spec, dropout=0.5, drop_path=0.5).eval()
    dropped.load_state_dict(plain.state_dict())
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(plain(images), dropped(images))


def test_while_training_maps_are_dropped_whole_before_the_last_layer():
    model = build(ModelSpec("test_resnet", "fcn", 3, 2), dropout=0.5).train()
    seen = []
    model.head.register_forward_hook(lambda module, args, result: seen.append(args[0].detach()))
    model(torch.randn(2, 3, 64, 64))
    dropped = (seen[0] == 0).all(dim=(2, 3))
    assert 0.25 < dropped.float().mean() < 0.75


def test_an_encoder_without_residual_blocks_is_refused():
    with pytest.raises(UsageError, match=r"model\.drop_path: expected an encoder with residual blocks"):
        add_drop_path(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), 0.1)


def test_the_ranges_are_checked():
    with pytest.raises(UsageError, match=r"dropout: expected 0 to 0\.9, got 1"):
        ModelConfig(dropout=1.0)
