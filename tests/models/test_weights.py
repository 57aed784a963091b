import dataclasses
import json

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file

from segue.errors import WeightsError
from segue.models import hub
from segue.models.adapt import adapt_stem
from segue.models.artifact import save_model
from segue.models.build import ModelSpec, build
from segue.models.licences import PUBLISHED, UNKNOWN, UNKNOWN_FILE, hub_licence
from segue.models.naming import elements, match_names
from segue.models.weights import load_pretrained
from tiny_model import tiny_info

RESNET = ModelSpec("test_resnet", "fcn", 3, 4)


def save(folder, state, name="weights.pth"):
    path = folder / name
    if path.suffix == ".safetensors":
        save_file({key: tensor.contiguous() for key, tensor in state.items()}, path)
    else:
        torch.save(state, path)
    return str(path)


def timm_state(name, **options):
    torch.manual_seed(7)
    return timm.create_model(name, pretrained=False, **options).state_dict()


def state_of(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.parametrize("encoder", ["test_resnet", "test_convnext", "test_vit", "test_efficientnet", "test_coatnet"])
def test_a_whole_timm_file_fills_the_encoder_and_the_rest_is_named(tmp_path, encoder, ending):
    state = timm_state(encoder)
    model = build(ModelSpec(encoder, "fcn", 3, 4))
    before = state_of(model)
    report = load_pretrained(model, save(tmp_path, state, f"weights{ending}"))
    assert report.share == 1
    assert report.missing == report.reshaped == ()
    assert {f"encoder.net.{name}" for name in model.encoder.net.state_dict()} == set(report.loaded)
    assert any("head" in name or "classifier" in name or "fc" in name for name in report.unexpected)
    assert len(report.loaded) + len(report.unexpected) == len(state)
    after = model.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in after if not name.startswith("encoder"))


def test_the_loaded_encoder_computes_what_timm_does(tmp_path):
    theirs = timm.create_model("test_vit", pretrained=False).eval()
    model = build(ModelSpec("test_vit", "fcn", 3, 4)).eval()
    load_pretrained(model, save(tmp_path, theirs.state_dict()))
    image = torch.randn(1, 3, 160, 160)
    with torch.no_grad():
        expected = theirs.forward_intermediates(image, indices=[5], norm=False, intermediates_only=True)[0]
        torch.testing.assert_close(model.encoder(image)[-1], expected, rtol=1e-4, atol=1e-5)


def test_a_file_written_by_a_feature_extractor_in_half_precision_loads(tmp_path):
    state = timm_state("test_convnext", features_only=True)
    model = build(ModelSpec("test_convnext", "fcn", 3, 4))
    report = load_pretrained(model, save(tmp_path, {name: tensor.half() for name, tensor in state.items()}))
    assert report.share == 1
    assert all(weight.dtype == torch.float32 for weight in model.parameters())


@pytest.mark.parametrize(("channels", "adapted"), [(1, True), (3, False), (5, True)])
def test_the_stem_takes_any_number_of_channels_and_the_report_says_so(tmp_path, channels, adapted):
    state = timm_state("test_resnet")
    model = build(ModelSpec("test_resnet", "fcn", channels, 4))
    report = load_pretrained(model, save(tmp_path, state))
    stem = f"encoder.{model.encoder.stem()}"
    assert report.reshaped == ((stem,) if adapted else ())
    assert report.share == 1
    assert torch.equal(model.state_dict()[stem], adapt_stem(state["conv1.0.weight"], channels))


def test_position_embeddings_of_another_image_size_are_resampled(tmp_path):
    state = timm_state("test_vit", img_size=96)
    model = build(ModelSpec("test_vit", "fcn", 3, 4))
    report = load_pretrained(model, save(tmp_path, state))
    assert report.reshaped == ("encoder.net.model.pos_embed",)
    assert report.share == 1


def test_too_little_is_refused_by_share_and_name_and_the_model_stays_as_it_was(tmp_path):
    state = {name: tensor for name, tensor in timm_state("test_resnet").items() if not name.startswith("layer4")}
    model = build(RESNET)
    before = state_of(model)
    with pytest.raises(WeightsError, match=r"90%.*got \d+%.*layer4.*--model.encoder test_resnet@4"):
        load_pretrained(model, save(tmp_path, state))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert (
        load_pretrained(build(dataclasses.replace(RESNET, encoder="test_resnet@4")), save(tmp_path, state)).share == 1
    )


def test_a_little_less_is_loaded_and_what_is_missing_is_named(tmp_path):
    state = timm_state("test_resnet")
    state.pop("layer1.0.conv1.weight")
    state["layer1.0.conv2.weight"] = torch.zeros(1, 2, 3, 3)
    report = load_pretrained(build(RESNET), save(tmp_path, state))
    assert report.missing == ("encoder.net.layer1.0.conv1.weight", "encoder.net.layer1.0.conv2.weight")
    assert "layer1.0.conv2.weight" in report.unexpected
    assert 0.9 < report.share < 1


def test_weights_of_another_network_are_recognised(tmp_path):
    with pytest.raises(WeightsError, match=r"these look like timm resnet18 weights: --model.encoder resnet18"):
        load_pretrained(build(RESNET), save(tmp_path, torchvision.models.resnet18(weights=None).state_dict()))


def test_the_report_holds_name_checksum_and_an_honest_licence_and_fits_into_json(tmp_path):
    report = load_pretrained(build(RESNET), save(tmp_path, timm_state("test_resnet"), "mine.pth"))
    assert report.source.name == "mine.pth"
    assert report.source.licence == UNKNOWN_FILE
    assert len(report.source.sha256) == 64
    assert json.loads(json.dumps(dataclasses.asdict(report)))["share"] == 1
    assert "100.0%" in report.summary()
    assert "\n" not in report.summary()


def test_a_file_that_names_its_licence_is_believed_and_marked_so(tmp_path):
    def licence(**metadata):
        save_file(timm_state("test_resnet"), tmp_path / "ours.safetensors", metadata)
        return load_pretrained(build(RESNET), str(tmp_path / "ours.safetensors")).source.licence

    assert licence(licence="Apache-2.0") == "Apache-2.0 (as the file states)"
    odd = licence(license="MIT\n\x1b[31m" + "x" * 999)
    assert odd.startswith("MIT")
    assert odd.isprintable()
    assert len(odd) < 110


# --- torchvision's names ---------------------------------------------------------------------------------------------

TORCHVISION = [
    ("resnet18", "resnet18"),
    ("resnext50_32x4d", "resnext50_32x4d"),
    ("mobilenet_v2", "mobilenetv2_100"),
    ("mobilenet_v3_large", "mobilenetv3_large_100"),
    ("efficientnet_b0", "efficientnet_b0"),
    ("vgg16_bn", "vgg16_bn"),
    ("densenet121", "densenet121"),
]


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize(("theirs", "ours"), TORCHVISION)
def test_torchvision_names_find_their_place_in_whatever_order_the_file_has(theirs, ours, shuffled):
    with torch.device("meta"):
        state = getattr(torchvision.models, theirs)(weights=None).state_dict()
        encoder = timm.create_model(ours, features_only=True).state_dict()
    file = dict(sorted(state.items(), key=lambda item: hash(item[0]))) if shuffled else state
    match = match_names(encoder, file, next(iter(encoder)))
    assert elements(match, encoder) == elements(encoder, encoder)
    in_order = [name for name in state if name in set(match.values()) and "num_batches" not in name]
    assert [match[name] for name in encoder if name in match and "num_batches" not in name] == in_order


def test_densenet_files_with_the_old_dotted_names_are_understood():
    with torch.device("meta"):
        state = torchvision.models.densenet121(weights=None).state_dict()
        encoder = timm.create_model("densenet121", features_only=True).state_dict()
    old = {name: t for name, t in state.items() if "denselayer" not in name}
    for name, tensor in state.items():
        if "denselayer" in name:
            for part in ("norm", "conv"):
                name = name.replace(f".{part}1.", f".{part}.1.").replace(f".{part}2.", f".{part}.2.")
            old[name] = tensor
    match = match_names(encoder, old, "features_conv0.weight")
    assert elements(match, encoder) == elements(encoder, encoder)


def test_a_torchvision_mobilenet_gives_the_same_maps(tmp_path):
    theirs = torchvision.models.mobilenet_v2(weights=None).eval()
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    model = build(ModelSpec("mobilenetv2_100", "fcn", 3, 2)).eval()
    load_pretrained(model, save(tmp_path, theirs.state_dict()))
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(model.encoder(image)[-1], theirs.features[:18](image), rtol=1e-4, atol=1e-4)


def test_published_checksums_are_those_torchvision_names_its_files_by():
    urls = {
        weights.url.rsplit("-", 1)[1].removesuffix(".pth")
        for name in (
            "resnet18",
            "resnet34",
            "resnet50",
            "mobilenet_v2",
            "vgg16",
            "vgg16_bn",
            "vgg19",
            "squeezenet1_1",
            "densenet121",
        )
        for weights in torchvision.models.get_model_weights(name)
    }
    assert set(PUBLISHED) <= urls


# --- the hub ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def empty_cache(monkeypatch):
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_args, **_options: None)


def test_hub_weights_come_by_the_encoders_name_with_their_licence(tmp_path, monkeypatch, empty_cache):
    path = save(tmp_path, timm_state("test_resnet"), "model.safetensors")
    asked = []
    monkeypatch.setattr(hub, "download", lambda *request: asked.append(request) or path)
    report = load_pretrained(build(RESNET), "hub")
    assert asked == [("timm/test_resnet.r160_in1k", "model.safetensors", None)]
    assert report.share == 1
    assert report.source.licence == "apache-2.0"
    assert report.source.url == "https://huggingface.co/timm/test_resnet.r160_in1k"
    assert len(report.source.sha256) == 64


def test_the_older_file_is_taken_where_there_is_no_safetensors(tmp_path, monkeypatch, empty_cache):
    from huggingface_hub.errors import EntryNotFoundError

    path = save(tmp_path, timm_state("test_resnet"), "pytorch_model.bin")

    def download(repository, file, revision):
        if file == "model.safetensors":
            raise EntryNotFoundError("404")
        return path

    monkeypatch.setattr(hub, "download", download)
    assert load_pretrained(build(RESNET), "hub").share == 1


def test_a_file_in_the_cache_needs_no_network(tmp_path, monkeypatch):
    path = save(tmp_path, timm_state("test_resnet"), "model.safetensors")
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_args, **_options: path)
    monkeypatch.setattr(hub, "download", lambda *_: pytest.fail("asked the network"))
    assert load_pretrained(build(RESNET), "hub").share == 1


@pytest.mark.parametrize("kind", ["LocalEntryNotFoundError", "OSError", "ValueError"])
def test_a_failed_download_says_what_to_do_in_one_line(monkeypatch, empty_cache, kind):
    from huggingface_hub import errors

    error = getattr(errors, kind, None) or {"OSError": OSError, "ValueError": ValueError}[kind]

    def fail(*_):
        raise error("no route to host\nand a second line")

    monkeypatch.setattr(hub, "download", fail)
    with pytest.raises(WeightsError, match=r"--model.weights FILE.*--transfer.mode scratch") as caught:
        load_pretrained(build(RESNET), "hub")
    assert "\n" not in str(caught.value)


def test_an_encoder_without_pretrained_weights_says_so(monkeypatch):
    monkeypatch.setattr(hub, "pretrained_config", lambda _: {"hf_hub_id": None})
    with pytest.raises(WeightsError, match=r"which has none on the hub: give a file with --model.weights FILE"):
        load_pretrained(build(RESNET), "hub")


def test_a_licence_is_reported_or_said_to_be_unknown():
    assert hub_licence({"license": "cc-by-nc-4.0"}) == "cc-by-nc-4.0"
    assert hub_licence({"license": None}) == hub_licence({}) == hub_licence({"license": "unknown"}) == UNKNOWN


# --- another run -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["", "model"])
def test_a_run_gives_encoder_decoder_and_the_rows_of_classes_that_keep_their_name(tmp_path, part):
    info = tiny_info()
    torch.manual_seed(1)
    teacher = build(info.spec)
    save_model(tmp_path / "run" / "model", teacher, info)
    torch.manual_seed(2)
    student = build(dataclasses.replace(info.spec, classes=3))
    before = state_of(student)
    report = load_pretrained(student, str(tmp_path / "run" / part), names=("stripe", "new", "ground"))
    theirs, ours = teacher.state_dict(), student.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours if not name.startswith("head"))
    for row, (source, index) in enumerate([(theirs, 3), (before, 1), (theirs, 0)]):
        assert torch.equal(ours["head.weight"][row], source["head.weight"][index])
        assert torch.equal(ours["head.bias"][row], source["head.bias"][index])
    assert {"head.weight[stripe]", "head.bias[ground]"} <= set(report.loaded)
    assert {"head.weight[disc]", "head.bias[box]"} <= set(report.unexpected)
    assert report.source.licence == info.source.licence
    assert "Segue run" in report.source.name


def test_a_run_with_another_decoder_gives_its_encoder_only(tmp_path):
    info = tiny_info()
    teacher = build(info.spec)
    save_model(tmp_path / "model", teacher, info)
    student = build(dataclasses.replace(info.spec, decoder="unet"))
    before = state_of(student)
    report = load_pretrained(student, str(tmp_path), names=info.classes.names)
    assert report.share == 1
    assert all(name.startswith("encoder") for name in report.loaded)
    assert any(name.startswith("decoder") for name in report.unexpected)
    after = student.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in after if not name.startswith("encoder"))


# --- real files ------------------------------------------------------------------------------------------------------

REAL = [
    ("backbones/mobilenetv2_100_imagenet_timm.pth", "mobilenetv2_100"),
    ("backbones/mobilenetv2_100_vocseg_timm_backbone_fp16.pth", "mobilenetv2_100"),
    ("backbones/mobilenetv2_100_inatbird965_timm_fp16.pth", "mobilenetv2_100"),
    ("backbones/resnet18_to_layer3_imagenet.pth", "resnet18@4"),
    ("backbones/vgg16_features0-14_torchvision_imagenetnorm.pth", "vgg16@3"),
    ("segmentation/deeplabv3_mobilenetv2_voc21.pth", "mobilenetv2_100"),
]


@pytest.mark.shared
@pytest.mark.parametrize(("file", "encoder"), REAL)
def test_real_files_fill_their_encoder(shared, file, encoder):
    report = load_pretrained(build(ModelSpec(encoder, "fcn", 3, 2)), str(shared / "weights" / file))
    assert report.share == 1
    assert report.missing == report.reshaped == ()


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "encoder", "says"),
    [
        ("backbones/resnet18_to_layer3_imagenet.pth", "resnet18", "got 25%.*layer4.*resnet18@4"),
        ("backbones/resnet18_to_layer3_imagenet.pth", "mobilenetv2_100", "look like timm resnet18@4"),
        ("backbones/mobilenetv2_100_imagenet_timm.pth", "resnet18", "look like timm mobilenetv2_100"),
    ],
)
def test_real_files_of_another_network_are_refused_with_the_way_out(shared, file, encoder, says):
    with pytest.raises(WeightsError, match=says):
        load_pretrained(build(ModelSpec(encoder, "fcn", 3, 2)), str(shared / "weights" / file))


@pytest.mark.shared
def test_a_real_file_gives_the_features_of_the_network_it_was_saved_from(shared):
    path = shared / "weights" / "backbones/mobilenetv2_100_imagenet_timm.pth"
    model = build(ModelSpec("mobilenetv2_100", "fcn", 3, 2)).eval()
    load_pretrained(model, str(path))
    whole = timm.create_model("mobilenetv2_100", pretrained=False).eval()
    whole.load_state_dict(torch.load(path, weights_only=True))
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = whole.forward_intermediates(image, indices=[-1], intermediates_only=True)[0]
        torch.testing.assert_close(model.encoder(image)[-1], expected, rtol=1e-4, atol=1e-4)
