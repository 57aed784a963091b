"""The folder of a style network: written, read back, and refused in one line where it is not what it says."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from segue.durable import sha256_of
from segue.errors import RunError, SegueError, WeightsError
from segue.style.adain_network import AdainNetwork
from segue.style.autoencoder import Shape
from segue.style.model_folder import load_style_info, load_style_model, save_style_model
from segue.style.network import Wanted
from segue.style.record import UsedStyle
from tiny_painter import painter
from tiny_style import picture

STYLES = (UsedStyle("wave", "wave.jpg", "CC0-1.0", "ab"), UsedStyle("night", "night.jpg"), UsedStyle("cry"))


@pytest.fixture
def folder(tmp_path):
    save_style_model(tmp_path / "model", painter(), STYLES, {"steps": 7})
    return tmp_path / "model"


def test_what_is_read_paints_what_was_written(folder):
    network, info = load_style_model(folder.parent)
    assert (info.kind, info.names, info.trained) == ("cin", ("wave", "night", "cry"), {"steps": 7})
    assert info == load_style_info(folder)
    assert info.styles == STYLES
    assert info.sha256 == sha256_of(folder / "model.safetensors")
    style = [one.prepared([Wanted(row=1)]) for one in (network, painter())]
    content = picture(0)
    assert torch.equal(network.stylise(content, style[0]), painter().stylise(content, style[1]))
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_reading_leaves_the_random_numbers_alone(folder):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    load_style_model(folder)
    assert torch.equal(torch.rand(2), expected)


def change(folder, **entries):
    content = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**content, **entries}))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"style_format": 2}, "expected a style network of format 1, got 2"),
        ({"kind": "cinn"}, "unknown kind of style network 'cinn': did you mean cin"),
        ({"kind": 3}, "expected the entry kind, got 3"),
        (
            {"numbers": {"styles": 3, "width": 1e9, "blocks": 1, "output": "change"}},
            "expected styles from 1, a width up to 8",
        ),
        ({"numbers": None}, "expected the entry numbers, got None"),
        ({"styles": [{"name": "a"}, {"name": "a"}]}, "expected each style once, got a, a"),
        ({"styles": [{"nam": "a"}]}, "not a valid model description"),
        ({"styles": [{"name": 3}]}, "expected names and texts"),
        ({"weights": {"bytes": 3}}, "not a valid model description"),
        ({"weights": {"bytes": float("inf"), "sha256": "0"}}, "something damaged .Infinity is no number of JSON"),
        ({"weights": {"bytes": float("nan"), "sha256": "0"}}, "something damaged .NaN is no number of JSON"),
        ({"trained": {"loss": float("-inf")}}, "something damaged .-Infinity is no number of JSON"),
        ({"weights": {"bytes": 3.5, "sha256": "0"}}, "bytes: expected a whole number from 0 on, got 3.5"),
        ({"weights": {"bytes": True, "sha256": "0"}}, "bytes: expected a whole number from 0 on, got True"),
        ({"weights": {"bytes": -1, "sha256": "0"}}, "bytes: expected a whole number from 0 on, got -1"),
        ({"spec": {}}, "expected a style network, got a segmentation model: segue predict takes it"),
    ],
)
def test_a_wrong_description_is_one_line(folder, entries, message):
    change(folder, **entries)
    with pytest.raises(RunError, match=message) as caught:
        load_style_model(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b'{"kind": 1, "kind": 2}', b"\xff", b"[" * 100_000])
def test_a_damaged_description_is_one_line(folder, content):
    (folder / "model.json").write_bytes(content)
    with pytest.raises(RunError, match=r"model\.json: expected"):
        load_style_model(folder)


def test_a_folder_without_a_model_is_said(tmp_path):
    with pytest.raises(RunError, match="no such folder"):
        load_style_model(tmp_path / "absent")
    with pytest.raises(RunError, match="a folder without it"):
        load_style_model(tmp_path)


def test_changed_weights_are_refused(folder):
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match="expected SHA-256"):
        load_style_model(folder)


@pytest.mark.parametrize(
    ("alter", "message"),
    [
        (lambda tensors: tensors.pop("norms.0.gain"), r"expected the weight norms\.0\.gain, got none"),
        (lambda tensors: tensors.update(more=torch.zeros(1)), "got the weight more, which the network does not have"),
        (
            lambda tensors: tensors.update({"norms.0.gain": torch.zeros(2, 2)}),
            r"norms\.0\.gain: expected shape and type",
        ),
    ],
)
def test_weights_of_another_network_are_refused(folder, alter, message):
    tensors = load_file(folder / "model.safetensors")
    alter(tensors)
    save_file(tensors, folder / "model.safetensors")
    path = folder / "model.safetensors"
    change(folder, weights={"file": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)})
    with pytest.raises(WeightsError, match=message):
        load_style_model(folder)


HUGE = {
    "cin": {"styles": 10_000, "width": 8.0, "blocks": 64, "output": "change"},
    "adain": {"encoder": "own", "taps": ["stride8"], "widths": [1024, 1024, 1024], "blocks": 64, "depth": 8},
}


@pytest.mark.parametrize("kind", HUGE)
def test_a_network_larger_than_its_file_is_refused_before_it_takes_memory(folder, kind, monkeypatch):
    devices = set()
    convolution = torch.nn.Conv2d.__init__

    def watched(self, *args, **options):
        convolution(self, *args, **options)
        devices.add(self.weight.device.type)

    monkeypatch.setattr(torch.nn.Conv2d, "__init__", watched)
    change(folder, kind=kind, numbers=HUGE[kind])
    with pytest.raises(
        WeightsError, match=r"expected (the weight|shape and type)|which the network does not have"
    ) as got:
        load_style_model(folder)
    assert "\n" not in str(got.value)
    assert devices == {"meta"}, "no weight took memory"


@pytest.mark.parametrize("encoder", ["mobilenetv3_small_050", "test_efficientnet", "squeezenet1_1"])
def test_networks_with_an_encoder_of_others_come_back(tmp_path, encoder):
    torch.manual_seed(0)
    network = AdainNetwork(Shape(encoder, ("fire4",) if encoder == "squeezenet1_1" else ("stride8",))).eval()
    save_style_model(tmp_path / "model", network)
    found, _ = load_style_model(tmp_path / "model")
    style = [one.prepared([Wanted(picture=picture(1, 40, 33))]) for one in (network, found)]
    assert torch.equal(network.stylise(picture(0), style[0]), found.stylise(picture(0), style[1]))


def test_weights_that_are_not_finite_are_not_written(tmp_path):
    network = painter()
    network.norms[0].gain[0, 0] = float("nan")
    with pytest.raises(SegueError, match="expected finite weights"):
        save_style_model(tmp_path / "model", network, STYLES)
    assert not (tmp_path / "model").exists()
