"""What every row of TRUNKS must do, so that an encoder which is not timm's serves wherever one of timm's does."""

import copy

import pytest
import segmentation_models_pytorch as smp
import timm
import torch
from safetensors.torch import save_file

from segue.errors import UsageError, WeightsError
from segue.models import hub
from segue.models.build import ModelSpec, build
from segue.models.encoders import create_encoder, encoder_statistics, pretrained_config, split_name
from segue.models.trunks import TRUNKS
from segue.models.weights import load_pretrained

HEAVY = ("mit_b1", "mit_b2", "mit_b3", "mit_b4", "mit_b5", "vit_small_patch16_mocov3", "vit_base_patch16_mocov3")
ROWS = [pytest.param(name, marks=pytest.mark.slow) if name in HEAVY else name for name in TRUNKS]


@pytest.mark.parametrize("name", ROWS)
def test_a_trunk_gives_the_maps_it_announces(name):
    encoder = create_encoder(name, 4).eval()
    height, width = encoder.padded(65, 97)
    with torch.no_grad():
        maps = encoder(torch.randn(1, 4, height, width))
    trunk = TRUNKS[name]
    assert (encoder.channels, encoder.strides) == (trunk.channels, trunk.strides)
    sizes = [(height // stride, width // stride) for stride in trunk.strides]
    assert [tuple(m.shape[1:]) for m in maps] == [(c, *size) for c, size in zip(trunk.channels, sizes, strict=True)]


@pytest.mark.parametrize("name", ROWS)
def test_the_gradient_reaches_every_weight_and_each_is_in_exactly_one_stage(name):
    encoder = create_encoder(name)
    sum(m.square().mean() for m in encoder(torch.randn(2, 3, *encoder.padded(33, 65)))).backward()
    assert [name for name, weight in encoder.named_parameters() if weight.grad is None] == []
    in_stages = [id(weight) for stage in encoder.stages() for module in stage for weight in module.parameters()]
    assert sorted(in_stages) == sorted(id(weight) for weight in encoder.parameters())
    assert len(encoder.stages()) == len(encoder.channels)


@pytest.mark.parametrize("name", ROWS)
def test_the_first_maps_of_a_trunk_are_those_of_the_whole_and_carry_no_more_weights(name):
    whole = create_encoder(name).eval()
    images = torch.randn(1, 3, *whole.padded(64, 64))
    for count in range(1, len(whole.channels)):
        cut = create_encoder(f"{name}@{count}").eval()
        weights = whole.net.state_dict()
        cut.net.load_state_dict({key: weights[key] for key in cut.net.state_dict()})
        assert len(cut.stages()) == len(cut.channels) == count
        with torch.no_grad():
            for ours, theirs in zip(cut(images), whole(images)[:count], strict=True):
                assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", ROWS)
def test_a_copy_of_a_trunk_computes_on_its_own(name):
    encoder = create_encoder(name).eval()
    twin = copy.deepcopy(encoder)
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.zero_()
        images = torch.randn(1, 3, *encoder.padded(32, 32))
        assert not torch.equal(encoder(images)[-1], twin(images)[-1])


@pytest.mark.parametrize("name", TRUNKS.names())
def test_no_trunk_hides_a_timm_model_and_each_answers_to_its_name(name):
    assert not timm.is_model(name)
    assert split_name(f"{name}@2") == (name, 2)
    assert len(encoder_statistics(name, 5)[0]) == 5
    source = TRUNKS[name].pretrained
    assert pretrained_config(name).get("license") == (source.licence if source else None)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mit_b6", "did you mean mit_b"),
        ("mit_b0.imagenet", "unknown encoder 'mit_b0.imagenet'"),
        ("mit_b0@5", "1 to 4"),
        ("mit_b0@0", "1 to 4"),
    ],
)
def test_names_that_are_not_there_are_refused(name, says):
    with pytest.raises(UsageError, match=says):
        create_encoder(name)


def test_a_trunk_that_cannot_be_dilated_says_so(caplog):
    with caplog.at_level("INFO", "segue"):
        assert create_encoder("mit_b0", 3, 16).strides[-1] == 32
    assert "mit_b0 has no dilated form: it keeps its stride of 32" in caplog.text


# --- Mix Transformer -------------------------------------------------------------------------------------------------


def test_the_mix_transformer_computes_what_the_library_computes_with_the_files_of_its_hub(tmp_path, monkeypatch):
    torch.manual_seed(3)
    theirs = smp.encoders.get_encoder("mit_b0", weights=None).eval()
    state = {name: tensor.contiguous() for name, tensor in theirs.state_dict().items()}
    save_file(state | {"head.weight": torch.zeros(1000, 256)}, tmp_path / "model.safetensors")
    monkeypatch.setattr(hub, "download", lambda *_: str(tmp_path / "model.safetensors"))
    model = build(ModelSpec("mit_b0", "fcn", 3, 2)).eval()
    report = load_pretrained(model, "hub")
    assert (report.share, report.missing, report.unexpected) == (1, (), ("head.weight",))
    assert report.source.name == "smp-hub/mit_b0.imagenet"
    assert report.source.licence == "nvidia-source-code-license"
    images = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        for ours, expected in zip(model.encoder(images), theirs(images)[2:], strict=True):
            assert torch.equal(ours, expected)


@pytest.mark.parametrize("name", [name for name in TRUNKS if name.startswith("mit_")])
def test_the_weights_are_those_the_library_would_take(name):
    theirs = smp.encoders.encoders[name]
    settings = theirs["pretrained_settings"]["imagenet"]
    assert TRUNKS[name].pretrained.hub == f"{settings['repo_id']}@{settings['revision']}"
    assert list(TRUNKS[name].channels) == theirs["params"]["out_channels"][2:]


def test_a_trunk_without_published_weights_sends_the_reader_on(monkeypatch):
    monkeypatch.setattr(hub, "pretrained_config", lambda _: {"mean": (0.5,) * 3, "std": (0.5,) * 3})
    with pytest.raises(WeightsError, match=r"encoder with pretrained weights, got mit_b0, .*--transfer.mode scratch"):
        hub.fetch("mit_b0")
