"""A twin is the timm network it is named after: the same tensors, the same bits."""

import subprocess
import sys

import pytest
import timm
import torch

from segue.models.build import ModelSpec, build
from segue.models.encoders import create_encoder
from segue.models.twins import TWINS

LARGE = [name for name in TWINS if name not in ("mobilenetv2_100", "resnet18")]
EACH = [pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name for name in TWINS]


def randomised(net):
    """Weights and running statistics that no two channels share."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in net.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
            if "conv" in name or tensor.ndim == 4:
                tensor.sub_(1).div_(tensor[0].numel() ** 0.5)
    return net.eval()


@pytest.mark.parametrize("name", EACH)
def test_a_twin_has_timms_tensors_and_computes_the_same_bits(name):
    theirs = randomised(timm.create_model(name, features_only=True, in_chans=4))
    ours = TWINS[name](4).eval()
    assert {key: value.shape for key, value in ours.state_dict().items()} == {
        key: value.shape for key, value in theirs.state_dict().items()
    }
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(2, 4, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for one, other in zip(ours(images), theirs(images), strict=True):
            assert one.std() > 0
            assert torch.equal(one, other)


@pytest.mark.parametrize("name", EACH)
def test_a_twin_announces_the_maps_it_gives_as_timms_encoder_does(name):
    ours, theirs = create_encoder(name, predicting=True), create_encoder(name)
    assert type(ours.net) is not type(theirs.net)
    for about in ("channels", "strides", "multiple", "smallest", "plain", "fixed_size"):
        assert getattr(ours, about) == getattr(theirs, about)
    with torch.no_grad():
        maps = ours.eval()(torch.zeros(1, 3, 64, 64))
    assert [map_.shape[1] for map_ in maps] == list(ours.channels)
    assert [64 // map_.shape[2] for map_ in maps] == list(ours.strides)


@pytest.mark.parametrize("encoder", ["mobilenetv2_100@3", "resnet18.a1_in1k@4", "test_resnet"])
def test_what_has_no_twin_is_timms(encoder):
    assert type(create_encoder(encoder, predicting=True).net).__module__.startswith("timm.")


def test_a_network_with_a_tag_that_gives_fewer_maps_has_the_same_tensors_for_predicting():
    spec = ModelSpec("resnet18.a1_in1k@4", "unet", 3, 2)
    ours, theirs = build(spec, predicting=True), build(spec)
    assert ours.encoder.channels == theirs.encoder.channels
    assert ours.state_dict().keys() == theirs.state_dict().keys()


def test_a_decoder_that_wants_dilation_gets_timms():
    assert type(build(ModelSpec("resnet18", "deeplabv3", 3, 2), predicting=True).encoder.net).__module__.startswith(
        "timm."
    )


def test_a_tag_names_weights_and_not_another_network():
    assert isinstance(create_encoder("resnet18.a1_in1k", predicting=True).net, TWINS["resnet18"].func)


@pytest.mark.parametrize("verb", ["predict", "evaluate"])
def test_the_default_network_is_built_for_a_verb_without_the_packages_that_take_seconds_to_import(verb):
    code = f"""if True:
        import sys
        from segue.commands import {verb}
        from segue.configs import DECODER, ENCODER
        from segue.models.build import ModelSpec, build
        build(ModelSpec(ENCODER, DECODER, 3, 2), predicting=True)
        heavy = {{"timm", "torchvision", "segmentation_models_pytorch", "lightning_fabric", "matplotlib", "sympy"}}
        heavy |= {{"scipy"}} if "{verb}" == "predict" else set()  # intervals of an evaluation need it
        print(sorted(heavy & set(sys.modules)))
    """
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
