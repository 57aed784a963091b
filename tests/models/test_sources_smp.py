"""Networks of segmentation_models_pytorch, written by its `save_pretrained`, against what the library computes."""

import json

import pytest
import torch
from safetensors.torch import load_file

from segue.errors import UsageError, WeightsError
from segue.models.build import ModelSpec, build
from segue.models.networks.network import image_statistics
from segue.models.networks.smp import NETWORK
from segue.models.sources import find
from segue.models.weights import load_pretrained
from tiny_networks import save_smp

KINDS = [
    ("FPN", "tu-test_resnet", {}),
    ("Unet", "tu-test_convnext", {"encoder_depth": 4, "decoder_channels": (16, 8, 8, 4)}),  # no map at stride 2
    pytest.param("DeepLabV3Plus", "resnet18", {"encoder_output_stride": 8}, marks=pytest.mark.slow),
    pytest.param("Unet", "resnet18", {"decoder_attention_type": "scse"}, marks=pytest.mark.slow),
    pytest.param("UnetPlusPlus", "resnet18", {}, marks=pytest.mark.slow),
    pytest.param("DeepLabV3", "resnet18", {}, marks=pytest.mark.slow),
    pytest.param("Linknet", "resnet18", {}, marks=pytest.mark.slow),
    pytest.param("MAnet", "resnet18", {}, marks=pytest.mark.slow),
    pytest.param("PSPNet", "vgg11_bn", {}, marks=pytest.mark.slow),
    pytest.param("PAN", "resnet18", {}, marks=pytest.mark.slow),
    pytest.param("UPerNet", "resnet18", {}, marks=pytest.mark.slow),
    pytest.param("Segformer", "mit_b0", {}, marks=pytest.mark.slow),
]


def whole(folder):
    """The model with every row of the head, which the names of classes would not give it: there are none."""
    model = build(find(str(folder)).spec).eval()
    report = load_pretrained(model, str(folder), ("a", "b", "c", "d"))
    head = load_file(folder / "model.safetensors")
    for name, tensor in model.head.state_dict().items():
        tensor.copy_(head[f"segmentation_head.{name}"])
    return model, report


@pytest.mark.parametrize(("kind", "encoder", "options"), KINDS)
def test_the_scores_are_those_of_the_library(tmp_path, kind, encoder, options):
    theirs = save_smp(tmp_path, kind, encoder, **options)
    model, report = whole(tmp_path)
    images = torch.randn(2, 3, 128, 160)
    with torch.no_grad():
        expected = theirs(images)
        assert expected.std(dim=(0, 2, 3)).min() > 1e-3
        torch.testing.assert_close(model(images), expected, rtol=1e-4, atol=1e-4)
        assert model(torch.randn(1, 3, 45, 70)).shape == (1, 4, 45, 70)
    assert report.share == 1
    assert report.missing == ()
    assert report.anew == ("a", "b", "c", "d")
    assert {"head.0.weight[0]", "head.0.bias[3]"} <= set(report.unexpected)
    inside = [id(weight) for stage in model.stages() for module in stage for weight in module.parameters()]
    assert sorted(inside) == sorted(id(weight) for weight in model.encoder.parameters())
    assert len(model.stages()) >= 3


def test_the_description_names_encoder_and_architecture_and_holds_what_it_takes(tmp_path):
    save_smp(tmp_path, "FPN", decoder_pyramid_channels=16, activation="sigmoid", in_channels=5)
    spec = find(str(tmp_path)).spec
    assert (spec.encoder, spec.decoder, spec.in_channels, spec.classes) == ("smp:tu-test_resnet", "smp:fpn", 5, 4)
    config = json.loads(spec.network)["config"]
    assert config["arguments"]["decoder_pyramid_channels"] == 16
    assert not {"activation", "encoder_weights", "aux_params", "_model_class"} & set(config["arguments"])
    model = build(spec).eval()
    assert model(torch.randn(1, 5, 32, 32)).min() < 0  # scores, not what a sigmoid makes of them


@pytest.mark.parametrize(
    ("encoder", "mean"), [("tu-test_vit", 0.5), ("inceptionv4", 0.5), ("resnet18", 0.485), ("mit_b0", 0.485)]
)
def test_statistics_are_those_of_the_encoders_name(tmp_path, encoder, mean):
    (tmp_path / "config.json").write_text(json.dumps({"_model_class": "Unet", "encoder_name": encoder, "classes": 4}))
    spec = find(str(tmp_path)).spec
    assert image_statistics(spec.encoder, spec.network, 3)[0][0] == mean


def test_the_licence_is_the_cards_unless_that_of_the_encoders_code_is_narrower(tmp_path):
    save_smp(tmp_path / "free")
    assert find(str(tmp_path / "free")).source.licence == "mit (as the model card states)"
    (tmp_path / "narrow").mkdir()
    (tmp_path / "narrow/README.md").write_text("---\nlicense: mit\n---\n")
    (tmp_path / "narrow/config.json").write_text('{"_model_class": "Segformer", "encoder_name": "mit_b0"}')
    assert find(str(tmp_path / "narrow")).source.licence == "nvidia-source-code-license"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"_model_class": "Unetplusplus"}, "did you mean UnetPlusPlus"),
        ({"_model_class": "DPT"}, "no architecture 'DPT'"),
        ({"_model_class": "from_pretrained"}, "no architecture"),
        ({"_model_class": "Unet", "encoder_name": "resnet181"}, "did you mean resnet18"),
        ({"_model_class": "Unet", "encoder_name": "tu-hf-hub:someone/something"}, "no encoder"),
        ({"_model_class": "Unet", "encoder_name": "tu-local-dir:/etc"}, "no encoder"),
        ({"_model_class": "Unet", "decoder_channels": [10**6]}, "numbers up to 4,096"),
        ({"_model_class": "Unet", "classes": 0}, "expected classes from 1"),
        ({"_model_class": "Unet", "classes": "many"}, "expected classes from 1"),
    ],
)
def test_what_the_library_does_not_have_is_refused(tmp_path, content, says):
    (tmp_path / "config.json").write_text(json.dumps({"encoder_name": "resnet18", **content}))
    with pytest.raises(WeightsError, match=says):
        find(str(tmp_path))


def test_arguments_a_class_does_not_declare_never_reach_it():
    content = {
        "_model_class": "FPN",
        "encoder_name": "tu-test_resnet",
        "checkpoint_path": "/etc/passwd",
        "pretrained": 1,
    }
    assert NETWORK.configure(content) == {"class": "FPN", "arguments": {"encoder_name": "tu-test_resnet"}}


def test_its_encoder_or_decoder_by_itself_is_refused():
    for encoder, decoder in (("smp:resnet18", "unet"), ("resnet18", "smp:unet")):
        with pytest.raises(UsageError, match=r"comes with a checkpoint: name that with --model.weights"):
            build(ModelSpec(encoder, decoder, 3, 2))
