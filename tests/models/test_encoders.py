import copy

import pytest
import torch
import torchvision
from torch import nn

from segue.errors import UsageError
from segue.models.adapt import adapt_positions, adapt_stem
from segue.models.build import ModelSpec, build
from segue.models.encoders import Encoder, create_encoder, encoder_statistics

FAMILIES = (
    "test_resnet",  # timm rebuilds the network around its stages
    "test_efficientnet",  # a feature class of its own
    "test_convnext",  # no map at stride 2
    "test_vit",  # all maps of one stride
    "test_coatnet",  # takes one input size only
    "test_nfnet",
    "test_mambaout",
    "test_resnet@3",
    "test_efficientnet@3",
    "test_vit@2",
)
LARGE = (  # the families of the canon are in test_canon.py
    "vgg13", "resnet18@4", "densenet121@3", "xception71", "mobilenetv3_small_050", "tf_efficientnet_b0",
    "convnext_atto", "swinv2_tiny_window8_256", "maxvit_tiny_tf_224", "hiera_tiny_224", "pvt_v2_b0",
    "vit_small_patch14_reg4_dinov2", "beit_base_patch16_224", "eva02_tiny_patch14_224", "twins_svt_small",
    "regnety_004", "samvit_base_patch16_224",
)  # fmt: skip


def check(name: str) -> Encoder:
    encoder = create_encoder(name, 4).eval()
    height, width = encoder.padded(65, 97)
    with torch.no_grad():
        maps = encoder(torch.randn(1, 4, height, width))
    assert tuple(m.shape[1] for m in maps) == encoder.channels
    sizes = [m.shape[-1] * m.shape[-2] for m in maps]
    assert sizes == sorted(sizes, reverse=True)
    in_stages = [id(weight) for stage in encoder.stages() for module in stage for weight in module.parameters()]
    assert sorted(in_stages) == sorted(id(weight) for weight in encoder.parameters())
    return encoder


@pytest.mark.parametrize("name", FAMILIES)
def test_maps_go_from_fine_to_coarse_and_every_parameter_is_in_one_stage(name):
    encoder = check(name)
    assert len(encoder.stages()) == len(encoder.channels)


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_the_families_people_use_give_maps_and_stages(name):
    check(name)


def test_stages_follow_the_data_from_the_stem_on():
    encoder = create_encoder("test_resnet")
    names = {id(module): name for name, module in encoder.net.named_modules()}
    stages = [[names[id(module)] for module in stage] for stage in encoder.stages()]
    assert stages == [["conv1", "bn1", "act1"], ["maxpool", "layer1"], ["layer2"], ["layer3"], ["layer4"]]


def test_a_plain_vit_keeps_its_tokens_in_the_first_stage():
    encoder = create_encoder("test_vit")
    first = {id(weight) for module in encoder.stages()[0] for weight in module.parameters()}
    assert {id(encoder.net.model.cls_token), id(encoder.net.model.pos_embed)} <= first


def test_a_number_of_maps_cuts_off_what_lies_behind_them():
    whole, cut = create_encoder("mobilenetv2_100"), create_encoder("mobilenetv2_100@3")
    assert cut.strides == whole.strides[:3] == (2, 4, 8)
    kept = [weight for stage in whole.stages()[:3] for module in stage for weight in module.parameters()]
    assert sum(w.numel() for w in cut.parameters()) == sum(w.numel() for w in kept)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("resnet181", "did you mean resnet18"),
        ("qqq", "segue list encoders"),
        ("resnet18.a1_in2k", "did you mean a1_in1k"),
        ("resnet18@6", "1 to 5"),
        ("resnet18@0", "1 to 5"),
        ("resnet18@four", "number of feature maps"),
        ("hf-hub:someone/something", "unknown encoder"),
        ("", "unknown encoder"),
    ],
)
def test_names_that_do_not_exist_are_refused_with_a_suggestion(name, says):
    with pytest.raises(UsageError, match=says):
        create_encoder(name)


def test_building_does_not_touch_the_network(monkeypatch):
    import socket

    def refuse(*_):
        raise AssertionError("opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    build(ModelSpec("test_resnet", "unet", 3, 2))


def test_dilation_is_used_where_the_family_has_it_and_the_log_says_where_not(caplog):
    assert create_encoder("test_resnet", 3, 16).strides == (2, 4, 8, 16, 16)
    with caplog.at_level("INFO", "segue"):
        assert create_encoder("densenet121", 3, 16).strides[-1] == 32
    assert "densenet121 has no dilated form" in caplog.text


def test_statistics_are_those_of_the_pretraining_and_repeat_for_more_channels():
    assert encoder_statistics("resnet18") == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert encoder_statistics("vit_base_patch16_224.augreg_in21k")[0] == (0.5, 0.5, 0.5)
    assert encoder_statistics("resnet18", 5)[0] == (0.485, 0.456, 0.406, 0.485, 0.456)
    assert encoder_statistics("resnet18", 1)[0] == pytest.approx((0.449,))


def test_a_grey_image_through_the_summed_stem_equals_itself_repeated_to_rgb():
    stem = nn.Conv2d(3, 8, 3)
    grey = nn.Conv2d(1, 8, 3)
    grey.weight.data, grey.bias.data = adapt_stem(stem.weight.data, 1), stem.bias.data
    image = torch.randn(1, 1, 9, 9)
    torch.testing.assert_close(grey(image), stem(image.repeat(1, 3, 1, 1)), rtol=1e-5, atol=1e-5)


def test_more_channels_repeat_rgb_in_turn_and_keep_the_scale():
    weight = torch.randn(2, 3, 1, 1)
    adapted = adapt_stem(weight, 6)
    torch.testing.assert_close(adapted, torch.cat([weight, weight], 1) / 2)
    assert torch.equal(adapt_stem(weight, 3), weight)


def test_positions_are_resampled_without_their_prefix():
    positions = torch.randn(1, 1 + 16, 8)
    larger = adapt_positions(positions, 1 + 64, prefix=1)
    assert torch.equal(larger[:, :1], positions[:, :1])
    torch.testing.assert_close(larger[:, 1:].mean(1), positions[:, 1:].mean(1), atol=0.1, rtol=0.1)
    assert adapt_positions(positions, 1 + 60, prefix=1) is None


def test_a_copy_of_a_model_computes_on_its_own():
    net = build(ModelSpec("xception41@3", "fcn", 3, 2)).eval()  # its maps are collected by hooks
    twin = copy.deepcopy(net)
    with torch.no_grad():
        for weight in net.parameters():
            weight.zero_()
        image = torch.randn(1, 3, 32, 32)
        assert not torch.equal(net(image), twin(image))


def test_torchvision_is_the_reference_for_the_maps_of_a_resnet():
    theirs = torchvision.models.resnet18(weights=None).eval()
    encoder = create_encoder("resnet18").eval()
    encoder.net.load_state_dict(theirs.state_dict(), strict=False)
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        x = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(image))))
        for ours, layer in zip(
            encoder(image)[1:], (theirs.layer1, theirs.layer2, theirs.layer3, theirs.layer4), strict=True
        ):
            x = layer(x)
            torch.testing.assert_close(ours, x, rtol=1e-4, atol=1e-4)


def test_model_spec_refuses_counts_below_one():
    with pytest.raises(UsageError, match="classes"):
        ModelSpec("resnet18", "unet", 3, 0)


def test_unknown_decoder_is_refused_with_a_suggestion():
    with pytest.raises(UsageError, match="did you mean unet"):
        build(ModelSpec("test_resnet", "unett", 3, 2))


def test_a_network_of_one_input_size_runs_in_bfloat16():
    encoder = create_encoder("test_coatnet").eval()
    images = torch.rand(1, 3, 64, 96)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert all(bool(m.isfinite().all()) for m in encoder(images))
        assert all(bool(m.isfinite().all()) for m in encoder(images.bfloat16()))
