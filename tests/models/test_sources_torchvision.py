"""torchvision's segmentation networks, from state dicts with random weights, against what torchvision computes."""

import hashlib

import pytest
import torch

from segue.errors import WeightsError
from segue.models.build import ModelSpec, build
from segue.models.encoders import encoder_statistics
from segue.models.sources import find, torchvision
from segue.models.weights import load_pretrained
from tiny_networks import save_torchvision

NAMES = [
    "lraspp_mobilenet_v3_large",
    pytest.param("deeplabv3_mobilenet_v3_large", marks=pytest.mark.slow),
    pytest.param("fcn_resnet50", marks=pytest.mark.slow),
    pytest.param("deeplabv3_resnet50", marks=pytest.mark.slow),
    pytest.param("fcn_resnet101", marks=pytest.mark.slow),
    pytest.param("deeplabv3_resnet101", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("name", NAMES)
def test_the_scores_are_those_of_torchvision_the_auxiliary_ones_too(tmp_path, name, monkeypatch):
    options = {} if name.startswith("lraspp") else {"aux_loss": True}
    theirs = save_torchvision(tmp_path / "weights.pth", name, **options)
    published(monkeypatch, name, tmp_path / "weights.pth", ("a", "b", "c", "d"))
    checkpoint = find(str(tmp_path / "weights.pth"))
    model = build(checkpoint.spec, auxiliary=True).eval()
    report = load_pretrained(model, str(tmp_path / "weights.pth"), ("a", "b", "c", "d"))
    images = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        scores, extra = model(images, auxiliary=True)
        expected = theirs(images)
        assert expected["out"].std(dim=(0, 2, 3)).min() > 1e-3
        torch.testing.assert_close(scores, expected["out"], rtol=1e-4, atol=1e-4)
        for map_ in extra:
            torch.testing.assert_close(map_, expected["aux"], rtol=1e-4, atol=1e-4)
    assert len(extra) == ("resnet" in name)
    assert report.share == 1
    assert report.missing == report.anew == ()
    assert all(key.startswith("aux_classifier") for key in report.unexpected)
    assert len(model.stages()) >= 5


def published(monkeypatch, name, path, categories):
    """Let torchvision publish this file under this name."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    stand_in = type("Weights", (), {
        "url": f"https://download.pytorch.org/models/{name}_coco-{digest[:8]}.pth",
        "meta": {"categories": list(categories)}, "name": "COCO_WITH_VOC_LABELS_V1",
    })  # fmt: skip
    monkeypatch.setattr(torchvision, "_published", lambda asked: {name: stand_in}[asked])
    return stand_in


@pytest.fixture
def lraspp(tmp_path, monkeypatch):
    """A file of LR-ASPP that torchvision is made to publish, and a cache of torch's with nothing in it."""
    path = tmp_path / "elsewhere.pth"
    save_torchvision(path, "lraspp_mobilenet_v3_large")
    published(monkeypatch, "lraspp_mobilenet_v3_large", path, ("__background__", "cat", "dog", "person"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return path


def test_published_weights_come_by_name_with_their_classes_and_licence_and_once(tmp_path, lraspp, monkeypatch):
    asked = []

    def download(url, path, prefix):
        asked.append((url, prefix))
        path.write_bytes(lraspp.read_bytes())

    monkeypatch.setattr(torchvision, "download", download)
    weights = "torchvision:lraspp_mobilenet_v3_large"
    checkpoint = find(weights)
    assert asked == []  # a description costs no download
    assert checkpoint.names == ("__background__", "cat", "dog", "person")
    for _ in range(2):
        report = load_pretrained(build(checkpoint.spec), weights, ("background", "dog", "mouse", "person"))
    assert len(asked) == 1
    assert asked[0][0].endswith(f"-{asked[0][1]}.pth")
    assert (report.kept, report.from_background) == (("background", "dog", "person"), ("mouse",))
    assert report.source.licence.startswith("BSD-3-Clause")
    assert report.source.sha256.startswith(asked[0][1])
    damaged = next((tmp_path / "hub/checkpoints").glob("*.pth"))
    damaged.write_bytes(b"half a file")
    load_pretrained(build(checkpoint.spec), weights, ())
    assert len(asked) == 2


def test_a_failed_download_says_what_to_do(lraspp, monkeypatch):
    def download(*_):
        raise OSError("no route to host\nand more")

    monkeypatch.setattr(torchvision, "download", download)
    with pytest.raises(WeightsError, match=r"^cannot download https://.*OSError: no route to host\): give a file"):
        find("torchvision:lraspp_mobilenet_v3_large").read()


def test_a_file_that_is_not_the_published_one_has_no_class_names(tmp_path, lraspp):
    state = torch.load(lraspp, weights_only=True)
    state["classifier.low_classifier.bias"] += 1
    torch.save(state, tmp_path / "mine.pth")
    assert find(str(lraspp)).names[1] == "cat"
    checkpoint = find(str(tmp_path / "mine.pth"))
    assert checkpoint.names == ()
    assert checkpoint.spec.classes == 4
    assert checkpoint.source.licence.startswith("unknown")


def test_every_published_network_is_known_with_vocs_classes_and_the_statistics_its_encoder_has():
    from torchvision.models import get_model_weights, list_models, segmentation

    assert set(torchvision.NAMES) == set(list_models(segmentation))
    for name in torchvision.NAMES:
        weights = get_model_weights(name).DEFAULT
        checkpoint = find(f"torchvision:{name}")
        assert checkpoint.names[:2] == ("__background__", "aeroplane")
        assert checkpoint.spec.classes == 21
        mean = tuple(weights.transforms().mean)
        assert mean == (0.485, 0.456, 0.406)
        if not checkpoint.spec.network:
            assert encoder_statistics(checkpoint.spec.encoder)[0] == mean


def test_a_misspelt_name_is_refused_with_the_nearest():
    with pytest.raises(WeightsError, match="did you mean fcn_resnet50"):
        find("torchvision:fcn_resnet5")


def test_a_file_of_another_layout_is_an_encoders_file(tmp_path):
    for number, state in enumerate((
        {"backbone.conv1.weight": torch.zeros(1)},
        {"backbone.conv1.weight": torch.zeros(1), "classifier.0.weight": torch.zeros(1)},
        {"backbone.x": torch.zeros(1), "classifier.4.bias": torch.zeros(1), "head.bias": torch.zeros(1)},
    )):  # fmt: skip
        torch.save(state, tmp_path / f"{number}.pth")
        assert find(str(tmp_path / f"{number}.pth")) is None


@pytest.mark.shared
def test_a_real_network_of_an_own_layout_gives_its_encoder_and_names_what_was_left(shared):
    """DeepLabV3 on MobileNetV2 with a head of four 1x1 convolutions: no layout anybody else writes."""
    path = str(shared / "weights/segmentation/deeplabv3_mobilenetv2_voc21.pth")
    assert find(path) is None
    report = load_pretrained(build(ModelSpec("mobilenetv2_100", "deeplabv3", 3, 2)), path, ("background", "cat"))
    assert (report.share, report.missing) == (1, ())
    assert sum(name.startswith("head.") for name in report.unexpected) == 8
    assert all(name.startswith("encoder.net.") for name in report.loaded)
