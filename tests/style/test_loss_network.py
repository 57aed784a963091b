"""Loss networks give what their originals give, end at the deepest tap, and say what is wrong with a file."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import squeezenet1_1
from torchvision.models.vgg import cfgs, make_layers

from segue.errors import UsageError, WeightsError
from segue.models.encoders import create_encoder
from segue.models.trunks.trunk import IMAGENET_MEAN, IMAGENET_STD
from segue.style.loss_network import build_loss_network, load_loss_network
from segue.style.taps import layers_of


def original(name):
    """torchvision's own `features`, with random weights."""
    torch.manual_seed(0)
    if name == "squeezenet1_1":
        return squeezenet1_1().features.eval()
    return make_layers(cfgs[{"vgg16": "D", "vgg19": "E"}[name]]).eval()


def saved(features, path, prefix="features."):
    torch.save({prefix + name: tensor for name, tensor in features.state_dict().items()}, path)
    return str(path)


@pytest.mark.parametrize(
    ("name", "taps"),
    [
        ("vgg16", {"relu1_2": 3, "relu2_2": 8, "relu3_3": 15, "relu4_3": 22}),
        ("vgg19", {"relu1_1": 1, "relu2_1": 6, "relu3_1": 11, "relu4_1": 20, "relu4_2": 22, "relu5_1": 29}),
        ("squeezenet1_1", {"relu1": 1, "fire2": 3, "fire4": 6, "fire5": 7, "fire9": 12}),
    ],
)
def test_taps_are_torchvision_s_layers(name, taps, tmp_path):
    features = original(name)
    network, source = load_loss_network(name, list(taps), saved(features, tmp_path / "weights.pth"))
    picture = torch.rand(2, 3, 45, 66)
    values = (picture - torch.tensor(IMAGENET_MEAN).view(3, 1, 1)) / torch.tensor(IMAGENET_STD).view(3, 1, 1)
    expected = {}
    for place, layer in enumerate(features):
        values = layer(values)
        expected |= {tap: values.clone() for tap, index in taps.items() if index == place}
    found = network(picture)
    assert list(found) == list(taps)
    for tap, tensor in expected.items():
        assert torch.allclose(found[tap], tensor, rtol=1e-4, atol=1e-5), tap
    assert source.name == "weights.pth"
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_nothing_behind_the_deepest_tap_is_built():
    network = build_loss_network("vgg19", ["relu2_1"])
    assert len(network.trunk.layers) == 7
    assert network.smallest == 2


@pytest.mark.parametrize("name", ["vgg16", "vgg19", "squeezenet1_1"])
def test_the_smallest_picture_passes_and_one_below_does_not(name):
    deepest = [layer.tap for layer in layers_of(name) if layer.tap][-1]
    network = build_loss_network(name, [deepest])
    side = network.smallest
    assert min(network(torch.rand(1, 3, side, side))[deepest].shape) == 1
    with pytest.raises(RuntimeError):
        network(torch.rand(1, 3, side - 1, side - 1))


def test_features_alone_load_too(tmp_path):
    features = nn.Sequential(*list(original("vgg16"))[:4])
    network, _ = load_loss_network("vgg16", ["relu1_2"], saved(features, tmp_path / "part.pth", prefix=""))
    assert torch.equal(network.trunk.layers[2].weight, features[2].weight)


def test_half_precision_files_are_widened(tmp_path):
    features = nn.Sequential(*list(original("vgg16"))[:2]).half()
    network, _ = load_loss_network("vgg16", ["relu1_1"], saved(features, tmp_path / "half.pth"))
    assert network.trunk.layers[0].weight.dtype == torch.float32


def test_a_file_that_ends_early_is_named_with_the_taps_it_has(tmp_path):
    path = saved(nn.Sequential(*list(original("vgg16"))[:8]), tmp_path / "short.pth")
    with pytest.raises(WeightsError, match=r"short\.pth.*up to relu4_1.*got those up to relu2_2 alone"):
        load_loss_network("vgg16", ["relu1_1", "relu4_1"], path)


def test_another_file_is_refused(tmp_path):
    save_file({"stem.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=r"expected the weights of vgg19 up to relu1_1, got no 0\.weight of it"):
        load_loss_network("vgg19", ["relu1_1"], str(tmp_path / "other.safetensors"))
    with pytest.raises(WeightsError, match="nothing there"):
        load_loss_network("vgg19", ["relu1_1"], str(tmp_path / "absent.pth"))


@pytest.mark.parametrize(
    ("name", "tap", "message"),
    [
        ("vgg19", "relu4_5", r"vgg19 has no tap 'relu4_5': did you mean relu4_"),
        ("vgg16", "stride8", r"vgg16 has no tap 'stride8': its taps are relu1_1, relu1_2"),
        ("test_resnet", "relu1_1", r"test_resnet has no tap 'relu1_1': its taps are stride2, stride4"),
        ("resnot18", "stride2", r"unknown encoder 'resnot18': did you mean"),
        ("test_vit", "stride16", r"different strides, got a plain transformer's"),
    ],
)
def test_unknown_names_are_said(name, tap, message):
    with pytest.raises(UsageError, match=message):
        build_loss_network(name, [tap])


def test_without_the_network_the_way_out_is_one_of_this_verb(monkeypatch, tmp_path):
    def refused(*_):
        raise OSError("no route to host")

    monkeypatch.setattr("segue.models.sources.torchvision.download", refused)
    monkeypatch.setattr("segue.models.hub.download", refused)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    for name, tap in (("vgg19", "relu1_1"), ("resnet18", "stride2")):
        with pytest.raises(WeightsError, match=r"no route to host.*--weights FILE"):
            load_loss_network(name, [tap])


# --- encoders --------------------------------------------------------------------------------------------------------


def test_an_encoder_s_maps_are_taps(tmp_path):
    torch.manual_seed(0)
    encoder = create_encoder("test_resnet").eval()
    save_file(encoder.net.state_dict(), tmp_path / "encoder.safetensors")
    network, _ = load_loss_network("test_resnet", ["stride4", "stride2"], str(tmp_path / "encoder.safetensors"))
    picture = torch.rand(1, 3, 64, 96)
    found = network(picture)
    assert list(found) == ["stride2", "stride4"], "from shallow to deep"
    values = (picture - network.mean) / network.std
    for tap, expected in zip(found, encoder(values), strict=False):
        assert torch.allclose(found[tap], expected, atol=1e-5), tap
    assert sum(p.numel() for p in network.parameters()) < sum(p.numel() for p in encoder.parameters())


def test_an_encoder_takes_any_size():
    network = build_loss_network("test_resnet", ["stride2", "stride8"])
    found = network(torch.rand(1, 3, 37, 50))
    assert [tuple(found[tap].shape[2:]) for tap in found] == [(19, 25), (5, 7)]


def test_bfloat16_features_are_close():
    network = build_loss_network("vgg16", ["relu1_2", "relu2_2"])
    picture = torch.rand(1, 3, 32, 40)
    exact = {tap: found.clone() for tap, found in network(picture).items()}
    for tap, found in network.prepared(torch.device("cpu"), "bf16")(picture).items():
        assert found.dtype == torch.bfloat16
        error = (found.float() - exact[tap]).norm() / exact[tap].norm()
        assert error < 0.02, tap


@pytest.mark.shared
def test_the_vgg16_file_loads_as_far_as_it_goes(shared):
    path = str(shared / "weights" / "backbones" / "vgg16_features0-14_torchvision_imagenetnorm.pth")
    network, source = load_loss_network("vgg16", ["relu1_1", "relu3_3"], path)
    found = network(torch.rand(1, 3, 40, 56))
    assert found["relu3_3"].shape == (1, 256, 10, 14)
    assert found["relu3_3"].count_nonzero() > 1000
    assert source.sha256 is not None
    with pytest.raises(WeightsError, match="got those up to relu3_3 alone"):
        load_loss_network("vgg16", ["relu4_1"], path)
