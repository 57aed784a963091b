"""Folding changes rounding and nothing else, and leaves alone what it does not understand."""

import pytest
import torch
from torch import nn

from segue.models.build import ModelSpec, build
from segue.models.decoders import DECODERS
from segue.models.folding import _holds_its_weight, fold_batch_norm

NORMS = (nn.BatchNorm2d,)


def trained(spec, seed=0):
    """A network whose statistics and scales are not the identity, as after training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build(spec).eval()
        for module in model.modules():
            if isinstance(module, NORMS) and module.running_mean is not None:
                module.running_mean.normal_(0, 0.2)
                module.running_var.uniform_(0.5, 1.5)
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, 0, 0.2)
    return model


def left(model):
    return sum(isinstance(module, NORMS) for module in model.modules())


def assert_folded_alike(model):
    """Returns how many were folded."""
    image = torch.randn(1, model.spec.in_channels, 72, 104, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = model(image)
        folded = fold_batch_norm(model)
        found = model(image)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    return folded


LEFT = {"fcn": 1, "linknet": 4, "segformer": 1, "linear": 1, "ddrnet": 12}  # that read something else
OWN_ENCODER = {
    "segformer": "test_resnet", "segnet": "double_conv@3", "unet_classic": "double_conv@3", "ddrnet": "ddrnet23_slim",
}  # fmt: skip


@pytest.mark.parametrize("decoder", list(DECODERS))
def test_every_decoder_gives_what_it_gave(decoder):
    model = trained(ModelSpec(OWN_ENCODER.get(decoder, "test_resnet"), decoder, 3, 4))
    norms = left(model)
    assert assert_folded_alike(model) == norms - left(model) > 0
    assert left(model) == LEFT.get(decoder, 0)


def test_most_norms_of_a_mobile_network_are_folded():
    model = trained(ModelSpec("mobilenetv2_100", "unet", 3, 4))
    assert fold_batch_norm(model) == 59
    assert left(model) == 0


@pytest.mark.parametrize("encoder", ["test_efficientnet", "test_convnext", "test_byobnet", "test_vit"])
def test_every_kind_of_encoder_gives_what_it_gave(encoder):
    model = trained(ModelSpec(encoder, "fcn", 5, 3))
    norms = left(model)
    assert assert_folded_alike(model) == norms - 1  # a transformer and ConvNeXt have those of the decoder alone
    assert left(model) == 1  # of the decoder's, that reads something else


def test_none_is_left_of_a_unet_on_a_resnet():
    model = trained(ModelSpec("test_resnet", "unet", 3, 4))
    assert fold_batch_norm(model) > 10
    assert left(model) == 0


class _Shared(nn.Module):
    """A head in which something else reads the convolution, or one of the layers runs twice."""

    def __init__(self, channels, kind):
        super().__init__()
        self.kind = kind
        self.first = nn.Conv2d(channels, 4, 1)
        self.norm = nn.BatchNorm2d(4)
        self.norm.running_mean.fill_(0.3)

    def forward(self, map_):
        found = self.first(map_)
        if self.kind == "read again":
            return self.norm(found) + found
        if self.kind == "changed in place":
            found[:, :, :1] = 0
            return self.norm(found)
        if self.kind == "norm run twice":
            return self.norm(found) + self.norm(map_[:, :4])
        return self.norm(found) + self.first(map_ * 2)


@pytest.mark.parametrize("kind", ["read again", "changed in place", "run twice", "norm run twice"])
def test_what_something_else_reads_stays(kind):
    model = trained(ModelSpec("test_resnet", "unet", 3, 4))
    model.head = _Shared(model.decoder.out_channels, kind).eval()
    assert_folded_alike(model)
    assert left(model) == 1


class _Computed(nn.Conv2d):
    """Keeps a parameter of that name and computes with another weight, as LoRA does before it is merged."""

    @property
    def weight(self):
        return self._parameters["weight"] * 2


def test_a_weight_that_is_computed_is_not_taken_for_another_that_has_its_id_later():
    model = trained(ModelSpec("test_resnet", "unet", 3, 4))
    norms = left(model)
    one = nn.Conv2d(model.decoder.out_channels, 4, 1)
    one.__class__ = _Computed  # the layer is made first: it takes its parameter in the usual way
    model.head = nn.Sequential(one, nn.BatchNorm2d(4)).eval()
    assert not _holds_its_weight(one)
    assert assert_folded_alike(model) == norms
    assert left(model) == 1
    assert model.head[0] is one
